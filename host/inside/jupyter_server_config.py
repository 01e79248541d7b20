# Read by the JupyterLab inside a sandbox, from a read-only folder. Nothing here is a wall: a kernel runs under the same
# uid as the server and could take its place. The walls are the sandbox around it and the gateway before it.
import contextlib
import os
from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821  Jupyter gives it

# Whoever reaches the socket has been let in by the gateway, which alone may reach it.
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = ""
c.PasswordIdentityProvider.password_required = False
c.ServerApp.allow_unauthenticated_access = True
c.ServerApp.disable_check_xsrf = True  # no cookie comes in here; the gateway looks at where a request comes from
c.ServerApp.allow_remote_access = True
c.ServerApp.sock_mode = "0660"  # the gateway is in this workspace's group

# Kernels are reached by files in /tmp, not by ports: nobody else can listen there, and libzmq looks for network
# interfaces by netlink, which the sandbox refuses.
c.KernelManager.transport = "ipc"

# Each takes its time at the start and answers at addresses that the gateway doesn't let through.
unused = ("jupyter_lsp", "jupyter_server_terminals", "notebook_shim")
c.ServerApp.jpserver_extensions = {"jupyterlab": True, **dict.fromkeys(unused, False)}

c.ServerApp.open_browser = False
c.ServerApp.quit_button = False
c.ServerApp.terminals_enabled = False
c.ServerApp.allow_root = False
c.ServerApp.root_dir = os.environ["HOME"]
c.ServerApp.websocket_compression_options = None
c.ContentsManager.files_handler_class = None
c.ContentsManager.allow_hidden = False
c.FileContentsManager.delete_to_trash = False
c.FileContentsManager.always_delete_dir = False
c.NotebookNotary.db_file = ":memory:"
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.user_settings_dir = f"{os.environ['HOME']}/.jupyter/lab/user-settings"
c.LabApp.workspaces_dir = f"{os.environ['HOME']}/.jupyter/lab/workspaces"

# The file browser begins at home; what lies elsewhere is found through links.
_ELSEWHERE = {"data": "/data", "shared": "/shared", "results": "/results", "examples": "/opt/settings/examples"}
for name, place in _ELSEWHERE.items():
    link = Path(os.environ["HOME"], name)
    if Path(place).is_dir() and not link.is_symlink():
        with contextlib.suppress(OSError):
            link.symlink_to(place)
