"""A JupyterHub with one container a user, for one machine with Docker: `pip install jupyterhub dockerspawner`.

The hub itself runs in a container called "hub", in the Docker network "dalle" (`docker network create dalle`).
"""

c = get_config()  # noqa: F821

c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
c.DockerSpawner.image = "dalle-lessons"  # of the Dockerfile beside this file
c.DockerSpawner.network_name = "dalle"
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True  # the container; what a user wrote is in the volume
c.DockerSpawner.volumes = {"dalle-{username}": "/home/jovyan"}
c.DockerSpawner.notebook_dir = "/home/jovyan"

# See sizing.md. A kernel that needs more is ended by the system, and the student reads "Kernel died".
c.Spawner.mem_limit = "2G"
c.Spawner.cpu_limit = 2
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
c.Spawner.http_timeout = 120  # seconds: the first start copies the lessons
c.Spawner.start_timeout = 120

# Who may come in is yours to say: name your authenticator, and the users or the group. Nobody is let in as it stands.
c.Authenticator.allowed_users = set()
c.Authenticator.admin_users = set()
