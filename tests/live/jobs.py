"""Somebody's jobs, by the portal's pages: handed in, looked at, read."""

import html
import re

from door.home import REPO
from tests.live.site import Person, until

CODE = REPO / "examples" / "jobs" / "tumor-classifier" / "train.py"


class Jobs:
    """Somebody's jobs in one project, by the portal's pages."""

    def __init__(self, person: Person, project: str) -> None:
        self.person, self.project = person, project
        self.form = f"/projects/{project}/jobs/new/"

    def hand_in(self, command: str, code: str | bytes = "", **typed: str) -> str:
        """The identifier of the job."""
        page = self.person.get(self.form).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        data = re.findall(r'name="datasets" value="([0-9a-f-]{36})"', page)
        assert token
        assert data, re.sub(r"<[^>]+>|\s+", " ", page)[:2000]
        facts = {"csrfmiddlewaretoken": token[1], "name": "train", "command": command, "datasets": data, "cpus": "1",
                 "memory": "1", "hours": "0.5", "grace": "10", "priority": "1", "seed": "7"}  # fmt: skip
        content = code.encode() if isinstance(code, str) else code
        answer = self.person.browser.post(
            f"{self.person.site.url}{self.form}", facts | typed, timeout=30, allow_redirects=False,
            files={"code": ("train.py", content or CODE.read_bytes())},
            headers={"Referer": f"{self.person.site.url}{self.form}"},
        )  # fmt: skip
        assert answer.status_code == 302, re.sub(r"<[^>]+>|\s+", " ", answer.text)[:3000]
        found = re.search(r"/jobs/([0-9a-f-]{36})/", answer.headers["Location"])
        assert found
        return found[1]

    def page(self, job: str) -> str:
        return re.sub(r"<[^>]+>|\s+", " ", html.unescape(self.person.get(f"/jobs/{job}/").text))

    def state(self, job: str) -> str:
        """The word beside “How it stands”."""
        text = html.unescape(self.person.get(f"/jobs/{job}/").text)
        found = re.search(r'id="job-state".*?class="state [^"]*">.*?<span>([A-Za-z ]+)</span>', text, re.DOTALL)
        assert found, text[:2000]
        return found[1]

    def log(self, job: str) -> str:
        text = self.person.get(f"/jobs/{job}/log/").text
        found = re.search(r'<pre[^>]*id="log"[^>]*>(.*?)</pre>', text, re.DOTALL)
        return html.unescape(found[1]) if found else ""

    def until(self, job: str, *states: str, seconds: float = 120) -> str:
        until(lambda: self.state(job) in states, seconds, f"{job} is {states}: {self.page(job)[:1500]}")
        return self.state(job)
