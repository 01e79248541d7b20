"""One description of something to run (`spec.SandboxSpec`), and backends that run it apart from everything else.

Every backend speaks of every promise in `promises.Promise`: `backend.promises(spec)` says for this description, on this
machine, whether each holds, how, or why not. What a machine can enforce is found out by trying (`ground.probe`).

`bubblewrap.Bubblewrap`, the single machine. Promised always: no network but an own loopback and the given sockets, no
capabilities, filtered system calls, no new namespaces, own processes, only the given folders, read-only data, sealed
system, only the given variables, no set-uid program, few devices, /tmp limited in size, output cut off, time limit,
the whole tree ends, the end told in words.
    As root also: a uid of its own, the number of programs and of files in /tmp; neutral names of mounts (data as twins
    of hard links, homes as volumes); disk space and files where a home is a volume (loop devices, ext4's tools).
    Where control groups (version 1 or 2) can be written: memory, programs and processor of the whole tree. Elsewhere
    memory is limited for each program by itself, and the processor's share not at all.
    Never: the speed of the disk. Shared folders are measured and the sandbox ended, a moment late.

`slurm.Slurm`, a batch script that builds the same walls on a node. Promised: what bubblewrap promises always, but for
cut output and the told end. Memory and processor only where the site says that its cgroup.conf constrains them. Not
promised: own uid, number of programs, disk, neutral names.

`kubernetes.Kubernetes`, a pod under "restricted" with a network policy. Promised: no network (where the plug-in
enforces policies), own uid, no capabilities, own processes, only the given mounts, sealed system, memory, processor,
time, the whole tree ends. With our profile on the nodes also the filter and no new namespaces; number of programs where
the kubelets limit it. Not promised: disk, files, output, neutral names, and the kubelet's own variables are there.
The container's image takes the place of the host's /usr.

A sandbox shares the host's kernel: a fault in it defeats all walls here. For the highest tier set a RuntimeClass with a
kernel of its own.
"""
