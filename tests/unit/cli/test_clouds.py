"""Which cloud is meant, and what a broken ``clouds.yaml`` is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumice.cli.clouds import Asked, Cloud, find_cloud
from pumice.errors import UsageError

NOBODY = Asked(None, None)

CLOUDS = """
clouds:
  mine:
    auth: {auth_url: "http://mine/identity/v3", username: me, password: 12345, project_name: p}
    region_name: RegionOne
  token:
    auth: {auth_url: "https://mine/identity", token: abc}
    cacert: /ca.pem
    interface: internal
    verify: false
"""
STATE_DIR_CLOUDS = """
clouds:
  pumice:
    auth: {auth_url: "http://127.0.0.1:8776/identity/v3", username: admin, password: x}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.mkdir()
    (path / "clouds.yaml").write_text(STATE_DIR_CLOUDS)
    return path


def find(home: Path, asked: Asked = NOBODY, **environ: str) -> Cloud:
    return find_cloud(asked, {"HOME": str(home), **environ}, home)


class TestByName:
    def test_all_that_the_file_says(self, home: Path) -> None:
        (home / "clouds.yaml").write_text(CLOUDS)
        assert find(home, Asked("token", None)) == Cloud(
            f"the cloud token in {home / 'clouds.yaml'}",
            "https://mine/identity",
            {"token": "abc"},
            interface="internal",
            verify=False,
            cacert="/ca.pem",
        )
        found = find(home, Asked("mine", None))
        assert found.auth == {"username": "me", "password": "12345", "project_name": "p"}
        assert (found.region, found.verify, found.state_dir) == ("RegionOne", True, None)

    @pytest.mark.parametrize("place", ["clouds.yml", ".config/openstack/clouds.yaml"])
    def test_in_the_usual_places(self, home: Path, place: str) -> None:
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text(CLOUDS)
        assert find(home, Asked("mine", None)).auth_url == "http://mine/identity/v3"

    def test_in_the_file_that_the_environment_names(self, home: Path, tmp_path: Path) -> None:
        file = tmp_path / "elsewhere.yaml"
        file.write_text(CLOUDS)
        found = find(home, OS_CLOUD="mine", OS_CLIENT_CONFIG_FILE=str(file))
        assert found.auth_url == "http://mine/identity/v3"

    def test_the_state_directory_is_the_last_place(self, home: Path, state_dir: Path) -> None:
        found = find(home, Asked("pumice", state_dir))
        assert found.state_dir == state_dir

    def test_secrets_may_stand_apart(self, home: Path) -> None:
        (home / "clouds.yaml").write_text(CLOUDS.replace("password: 12345, ", ""))
        (home / "secure.yaml").write_text("clouds: {mine: {auth: {password: apart}}}")
        assert find(home, Asked("mine", None)).auth["password"] == "apart"

    def test_the_flag_turns_verification_off(self, home: Path) -> None:
        (home / "clouds.yaml").write_text(CLOUDS)
        assert not find(home, Asked("mine", None, insecure=True)).verify

    def test_an_unknown_name(self, home: Path) -> None:
        (home / "clouds.yaml").write_text(CLOUDS)
        with pytest.raises(UsageError, match=r"No clouds\.yaml has a cloud 'yours'\."):
            find(home, Asked("yours", None))


class TestWithoutAName:
    def test_the_environment(self, home: Path) -> None:
        found = find(
            home, OS_AUTH_URL="http://env/v3", OS_USERNAME="me", OS_PASSWORD="x", OS_CACERT="/ca"
        )
        assert found == Cloud(
            "OS_AUTH_URL", "http://env/v3", {"username": "me", "password": "x"}, cacert="/ca"
        )

    def test_a_state_directory_on_the_command_line_comes_first(
        self, home: Path, state_dir: Path
    ) -> None:
        found = find(home, Asked(None, state_dir), OS_AUTH_URL="http://env/v3", OS_TOKEN="x")
        assert found.auth_url == "http://127.0.0.1:8776/identity/v3"

    def test_the_state_directory_of_the_environment(self, home: Path, state_dir: Path) -> None:
        found = find(home, PUMICE_STATE_DIR=str(state_dir))
        assert found.auth["username"] == "admin"
        assert found.state_dir == state_dir

    def test_nothing_at_all(self, home: Path) -> None:
        with pytest.raises(UsageError, match=r"there is none in .*/pumice: start one with"):
            find(home)


class TestBroken:
    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"clouds: {mine", r"clouds\.yaml:1 is not YAML\."),
            (b"\xff\xfe", r"clouds\.yaml is not UTF-8 text\."),
            (b"", r"clouds\.yaml has no clouds\."),
            (b"- clouds", r"clouds\.yaml has no clouds\."),
            (b"clouds: [mine]", r"clouds\.yaml has no clouds\."),
            (b"clouds: {mine: 3}", "the cloud mine has no auth with an auth_url"),
            (b"clouds: {mine: {auth: {}}}", "the cloud mine has no auth with an auth_url"),
            (b"clouds: {mine: {auth: {auth_url: 3}}}", "the cloud mine has no auth with an"),
            (b"clouds: {mine: {auth: {auth_url: 'ftp://x'}}}", "is no http"),
            (b"clouds: {mine: {auth: {auth_url: 'http://x'}}}", "neither a user with a password"),
            (
                b"clouds: {mine: {auth: {auth_url: 'http://x', username: a}}}",
                "neither a user with a password nor a token",
            ),
            (b"a: !!python/object/apply:os.getpid []", r"clouds\.yaml:1 is not YAML\."),
        ],
    )
    def test_one_sentence_says_what(self, home: Path, content: bytes, told: str) -> None:
        (home / "clouds.yaml").write_bytes(content)
        with pytest.raises(UsageError, match=told):
            find(home, Asked("mine", None))

    def test_a_folder_in_its_place(self, home: Path) -> None:
        (home / "clouds.yaml").mkdir()
        with pytest.raises(UsageError, match=r"clouds\.yaml cannot be read: Is a directory\."):
            find(home, Asked("mine", None))

    def test_a_state_directory_whose_cloud_was_renamed(self, home: Path, state_dir: Path) -> None:
        (state_dir / "clouds.yaml").write_text("clouds: {}")
        with pytest.raises(UsageError, match="has no cloud pumice"):
            find(home, Asked(None, state_dir))
