"""The reads and sightings of workspaces that the record keeps."""

from apps.core.events import read, sighting

CODE_READ = read(
    "workspaces.code.viewed",
    "Read the code that ran in a workspace",
    attempt="read the code that ran in a workspace",
    when="Before a page of cells is shown, to their researcher or to an auditor of the data's owners.",
    about=("workspaces.run",),
)
HUB_ENTERED = sighting(
    "workspaces.hub.entered",
    "Went to the workspaces",
    when="The portal tells the workspaces' Hub who somebody is, or does not since they may not go there.",
    about=("alliance.member",),
)
