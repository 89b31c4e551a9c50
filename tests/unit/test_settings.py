"""``pumice.conf``: what is understood, what holds, and what is refused in which words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.drivers.options import MAX_OPTIONS
from pumice.errors import SettingsError
from pumice.settings import (
    BackendSettings,
    DatabaseSettings,
    Loaded,
    Settings,
    as_text,
    load,
    render,
    template,
    without_password,
)
from pumice.settings.values import options

Load = Callable[[str | bytes], Loaded]

TWO_BACKENDS = """\
[DEFAULT]
enabled_backends = gold, silver
storage_availability_zone = az1
reserved_percentage = 5
backend_slots = 2

[gold]
volume_driver = file
volume_backend_name = metal
backend_availability_zone = az2
reserved_percentage = 10
file_directory = /srv/gold

[silver]
volume_driver = memory
volume_backend_name = metal
"""


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    path = tmp_path / "pumice.conf"

    def load_text(text: str | bytes) -> Loaded:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load(path)

    return load_text


def refusal(load_text: Load, text: str | bytes) -> str:
    """The sentence with which ``text`` is refused, without the folder of the file."""
    with pytest.raises(SettingsError) as caught:
        load_text(text)
    assert not caught.value.detail
    return re.sub(r"/\S*/pumice\.conf", "pumice.conf", caught.value.public)


class TestWhatHolds:
    def test_an_empty_file_is_a_working_configuration(self, load_text: Load) -> None:
        loaded = load_text("")
        assert loaded.settings == Settings()
        (backend,) = loaded.backends
        assert (backend.name, backend.volume_driver) == ("file", "file")
        assert (backend.volume_backend_name, backend.backend_availability_zone) == ("file", "nova")
        assert set(loaded.origins.values()) == {"default"}

    def test_a_backend_inherits_what_it_does_not_set(self, load_text: Load) -> None:
        gold, silver = load_text(TWO_BACKENDS).backends
        assert (gold.name, gold.reserved_percentage, gold.backend_slots) == ("gold", 10, 2)
        assert (silver.name, silver.reserved_percentage, silver.backend_slots) == ("silver", 5, 2)
        assert gold.backend_availability_zone == "az2"
        assert silver.backend_availability_zone == "az1"
        assert silver.max_over_subscription_ratio == 20.0

    def test_backends_may_share_a_volume_backend_name(self, load_text: Load) -> None:
        backends = load_text(TWO_BACKENDS).backends
        assert [backend.volume_backend_name for backend in backends] == ["metal", "metal"]

    def test_a_backend_may_have_a_host_of_its_own(self, load_text: Load) -> None:
        gold, silver = load_text(f"{TWO_BACKENDS}backend_host = shelf\n").backends
        assert (gold.backend_host, silver.backend_host) == (None, "shelf")

    def test_the_other_options_of_a_section_are_the_drivers(self, load_text: Load) -> None:
        gold, silver = load_text(TWO_BACKENDS).backends
        assert gold.driver_options == {"file_directory": "/srv/gold"}
        assert silver.driver_options == {}

    def test_each_value_has_the_line_it_came_from(self, load_text: Load) -> None:
        loaded = load_text(TWO_BACKENDS)
        conf = str(loaded.path)
        assert loaded.origins["DEFAULT", "reserved_percentage"] == f"{conf}:4"
        assert loaded.origins["DEFAULT", "quota_volumes"] == "default"
        assert loaded.origins["gold", "reserved_percentage"] == f"{conf}:11"
        assert loaded.origins["gold", "file_directory"] == f"{conf}:12"
        assert loaded.origins["silver", "reserved_percentage"] == f"{conf}:4"
        assert loaded.origins["silver", "backend_availability_zone"] == f"{conf}:3"
        assert loaded.origins["silver", "volume_backend_name"] == f"{conf}:16"

    @pytest.mark.parametrize(
        ("line", "name", "value"),
        [
            ("debug = On", "debug", True),
            ("debug=0", "debug", False),
            ("quota_volumes = -1", "quota_volumes", -1),
            ("max_over_subscription_ratio = 1", "max_over_subscription_ratio", 1.0),
            ("\tscheduler_driver =   simple\t", "scheduler_driver", "simple"),
            ("scheduler_default_weighers =", "scheduler_default_weighers", ()),
            ("public_endpoint =", "public_endpoint", None),
            ("public_endpoint = https://x.org/v", "public_endpoint", "https://x.org/v"),
            ("default_volume_type = größer 100% $x", "default_volume_type", "größer 100% $x"),
            ("default_volume_type = ' x '", "default_volume_type", " x "),
            ("default_volume_type = a = b # c", "default_volume_type", "a = b # c"),
        ],
    )
    def test_forms_of_values(self, load_text: Load, line: str, name: str, value: object) -> None:
        assert getattr(load_text(f"[DEFAULT]\n{line}\n").settings, name) == value

    def test_a_comment_may_hold_anything(self, load_text: Load) -> None:
        text = "# \u2028 \x0b \x00 größe\n ; [x]\n[DEFAULT]\n\t# x\ndebug = maybe\n"
        assert refusal(load_text, text).startswith("pumice.conf:5: debug must be")

    def test_a_byte_order_mark_and_crlf_change_nothing(self, load_text: Load) -> None:
        windows = b"\xef\xbb\xbf" + TWO_BACKENDS.replace("\n", "\r\n").encode()
        assert load_text(windows) == load_text(TWO_BACKENDS)

    @given(words=st.lists(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,9}\Z"), min_size=1))
    def test_values_survive_being_written_and_read(
        self, tmp_path_factory: pytest.TempPathFactory, words: list[str]
    ) -> None:
        path = tmp_path_factory.mktemp("conf") / "pumice.conf"
        text = as_text(tuple(words))
        path.write_text(f"[DEFAULT]\nscheduler_default_filters = {text}\n", encoding="utf-8")
        assert load(path).settings.scheduler_default_filters == tuple(words)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (
                "[DEFAULT]\nenabled_backend = file\n",
                "pumice.conf:2: unknown option enabled_backend; did you mean enabled_backends?",
            ),
            (
                "[DEFAULT]\nQUOTA_VOLUMES = 1\n",
                "pumice.conf:2: unknown option QUOTA_VOLUMES; did you mean quota_volumes?",
            ),
            (
                "[DEFAULT]\n\u00a0debug = 1\n",
                "pumice.conf:2: the line holds a character that cannot be printed.",
            ),
            ("[DEFAULT]\nxyzzy = 1\n", "pumice.conf:2: unknown option xyzzy."),
            (
                "[DEFAULT]\nvolume_driver = file\n",
                "pumice.conf:2: volume_driver belongs in the section of a backend.",
            ),
            (
                "[DEFAULT]\nquota_volumes = ten\n",
                "pumice.conf:2: quota_volumes must be a whole number of at least -1, not 'ten'.",
            ),
            (
                "[DEFAULT]\npassword_hash_rounds = 3\n",
                "pumice.conf:2: password_hash_rounds must be a whole number from 4 to 31, not '3'.",
            ),
            (
                "[DEFAULT]\nmax_over_subscription_ratio = nan\n",
                (
                    "pumice.conf:2: max_over_subscription_ratio must be a number of at least 1, "
                    "not 'nan'."
                ),
            ),
            (
                "[DEFAULT]\ndebug = maybe\n",
                "pumice.conf:2: debug must be true or false, not 'maybe'.",
            ),
            (
                "[DEFAULT]\nscheduler_driver = luck\n",
                "pumice.conf:2: scheduler_driver must be filter or chance or simple, not 'luck'.",
            ),
            (
                "[DEFAULT]\npublic_endpoint = example.org\n",
                (
                    "pumice.conf:2: public_endpoint must be an http or https URL without a slash "
                    "at its end, or nothing, not 'example.org'."
                ),
            ),
            (
                "[DEFAULT]\nenabled_backends = a@b\n",
                (
                    "pumice.conf:2: enabled_backends must be one or more with commas between, each "
                    "a name of letters, digits, '.', '_' and '-', not 'a@b'."
                ),
            ),
            (
                "[DEFAULT]\nservice_down_time = 10\n",
                "pumice.conf:2: service_down_time (10) must be greater than report_interval (10).",
            ),
            (
                "[DEFAULT]\nreport_interval = 60\n",
                "pumice.conf:2: service_down_time (60) must be greater than report_interval (60).",
            ),
            (
                "[DEFAULT]\nenabled_backends = a, b, a\n",
                "pumice.conf:2: enabled_backends names a twice.",
            ),
            (
                "[DEFAULT]\nenabled_backends = DEFAULT\n",
                "pumice.conf:2: a backend cannot be named DEFAULT.",
            ),
            (
                "[DEFAULT]\nenabled_backends = file, database\n[database]\nvolume_driver = file\n",
                "pumice.conf:2: a backend cannot be named database.",
            ),
            (
                "[databse]\nconnection = postgresql://h/name\n",
                (
                    "pumice.conf:1: enabled_backends does not name the section [databse]; "
                    "did you mean database?"
                ),
            ),
            (
                "[DEFAULT]\nconnection = postgresql://h/name\n",
                "pumice.conf:2: connection belongs in [database].",
            ),
            (
                "[database]\nconnexion = postgresql://h/name\n",
                "pumice.conf:2: unknown option connexion; did you mean connection?",
            ),
            (
                "[DEFAULT]\nenabled_backends = fast\n[fsat]\nvolume_driver = file\n",
                "pumice.conf:2: the backend fast has no section [fast]; did you mean fsat?",
            ),
            (
                "[file]\nvolume_driver = file\n[lvm]\n",
                "pumice.conf:3: enabled_backends does not name the section [lvm].",
            ),
            (
                "[default]\nquota_volumes = 1\n",
                (
                    "pumice.conf:1: enabled_backends does not name the section [default]; "
                    "did you mean DEFAULT?"
                ),
            ),
            ("[file]\n", "pumice.conf: the backend [file] needs the option volume_driver."),
            (
                "[DEFAULT]\ndebug = 1\n\ndebug = 1\n",
                "pumice.conf:4: debug is set at pumice.conf:2 already.",
            ),
            (
                "[file]\n[file]\n",
                "pumice.conf:2: the section [file] began at pumice.conf:1 already.",
            ),
            ("debug = 1\n", "pumice.conf:1: expected a [section] before the first option."),
            ("[DEFAULT\n", "pumice.conf:1: expected `[section]`, not '[DEFAULT'."),
            ("[]\n", "pumice.conf:1: expected `[section]`, not '[]'."),
            ("[DEFAULT]\ndebug\n", "pumice.conf:2: expected `name = value`, not 'debug'."),
            ("[DEFAULT]\n= 1\n", "pumice.conf:2: expected `name = value`, not '= 1'."),
            (
                "[DEFAULT]\ndebug\u00a0= 1\n",
                "pumice.conf:2: the line holds a character that cannot be printed.",
            ),
            (
                "[DEFAULT]\ndebug = 1\x002\n",
                "pumice.conf:2: the line holds a character that cannot be printed.",
            ),
            (b"[DEFAULT]\n\n\x89PNG\xff\n", "pumice.conf:3: the file is not UTF-8 text."),
            (b"#" * (1 << 20) + b"#", "pumice.conf is larger than 1048576 bytes."),
        ],
    )
    def test_in_one_sentence_that_says_where(
        self, load_text: Load, text: str | bytes, sentence: str
    ) -> None:
        assert refusal(load_text, text) == sentence

    @pytest.mark.parametrize("text", ["1_000", "٣", "0x10", "1e3", "9" * 19, "1.5", "", " "])
    def test_whole_numbers_are_ascii_digits(self, load_text: Load, text: str) -> None:
        assert "must be a whole number" in refusal(load_text, f"[DEFAULT]\nquota_volumes={text}\n")

    def test_a_long_value_is_cut(self, load_text: Load) -> None:
        text = f"[DEFAULT]\nquota_volumes = {'x' * 10_000}\n"
        assert len(refusal(load_text, text)) < 200

    def test_a_missing_file(self, tmp_path: Path) -> None:
        path = tmp_path / "none.conf"
        with pytest.raises(SettingsError) as caught:
            load(path)
        assert caught.value.public == f"{path} cannot be read: No such file or directory."

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"cannot be read: Is a directory\.$"):
            load(tmp_path)


SECRET = "PaSSw0rd"
SHAPE = "postgresql://user:password@host:port/name"


class TestTheDatabase:
    def test_unset_is_sqlite(self, load_text: Load) -> None:
        loaded = load_text("[database]\nconnection =\n")
        assert loaded.database == DatabaseSettings(connection=None, key_file="keys/database.key")
        assert loaded.origins["database", "key_file"] == "default"

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("postgresql://db/pumice", "postgresql://db/pumice"),
            ("postgres:///pumice", "postgres:///pumice"),
            ("postgresql:///pumice?host=/run/pg", "postgresql:///pumice?host=/run/pg"),
            ("postgresql://%2Frun%2Fpg/pumice", "postgresql://%2Frun%2Fpg/pumice"),
            ("postgresql://db?dbname=pumice", "postgresql://db?dbname=pumice"),
            (f"postgresql://me:{SECRET}@[::1]:5433/p", "postgresql://me:***@[::1]:5433/p"),
            (f"postgresql://:{SECRET}@db/p", "postgresql://:***@db/p"),
            (f"postgresql://me:a%40{SECRET}@db/p", "postgresql://me:***@db/p"),
            (f"postgresql://me:?{SECRET}:x@db/p", "postgresql://me:***@db/p"),
            (
                f"postgresql://me:{SECRET}@a,b:5433/p?target_session_attrs=read-write",
                "postgresql://me:***@a,b:5433/p?target_session_attrs=read-write",
            ),
            (
                f"postgresql://db/p?user=me@x&password={SECRET}&sslpassword={SECRET}&connect_timeout=3",
                "postgresql://db/p?user=me@x&password=***&sslpassword=***&connect_timeout=3",
            ),
        ],
    )
    def test_a_url_is_taken_as_it_is_and_shown_without_its_password(
        self, load_text: Load, url: str, shown: str
    ) -> None:
        loaded = load_text(f"[database]\nconnection = {url}\nkey_file = /etc/pumice.key\n")
        assert loaded.database == DatabaseSettings(connection=url, key_file="/etc/pumice.key")
        assert without_password(url) == shown
        rows = {row.name: row for row in render(loaded) if row.section == "database"}
        assert (rows["connection"].value, rows["key_file"].value) == (shown, "/etc/pumice.key")
        assert rows["connection"].origin.endswith("pumice.conf:2")
        assert SECRET not in f"{render(loaded)} {loaded}"

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            (f"me:{SECRET}@db/pumice", f"must be a URL: {SHAPE}"),
            (f"host=db password={SECRET}", f"must be a URL: {SHAPE}"),
            (
                f"mysql+pymysql://me:{SECRET}@db/pumice",
                f"has the scheme mysql+pymysql, but only PostgreSQL's is known: {SHAPE}",
            ),
            (
                f"postgresql+psycopg2://me:{SECRET}@db/pumice",
                f"has the scheme postgresql+psycopg2, but only PostgreSQL's is known: {SHAPE}",
            ),
            (f"postgresql://me:{SECRET}@db", f"names no database: {SHAPE}"),
            (f"postgresql://me:{SECRET}@db/?sslmode=require", f"names no database: {SHAPE}"),
            *(
                (url, f"must be {SHAPE}, with %XX for a special character in one of its parts")
                for url in (
                    f"postgresql://me:a/{SECRET}@db/pumice",
                    f"postgresql://me:a@{SECRET}@db/pumice",
                    f"postgresql://me:%{SECRET}@db/pumice",
                    f"postgresql://me:%00{SECRET}@db/pumice",
                    f"postgresql://me:{SECRET} x@db/pumice",
                    f"postgresql://me:{SECRET}@db:port/pumice",
                    f"postgresql://me:{SECRET}@db/pumice?sslmode",
                )
            ),
        ],
    )
    def test_what_is_no_url_of_a_database_is_not_shown(
        self, load_text: Load, url: str, reason: str
    ) -> None:
        found = refusal(load_text, f"[database]\nconnection = {url}\n")
        assert found == f"pumice.conf:2: connection {reason}."

    @pytest.mark.parametrize("section", ["DEFAULT", "database", "file"])
    @pytest.mark.parametrize(
        "line", ["connection: postgresql://me:{}@h/db?sslmode=x", "postgresql://me:a@{}@h/db"]
    )
    def test_a_line_that_is_no_option_is_shown_without_the_password(
        self, load_text: Load, section: str, line: str
    ) -> None:
        found = refusal(load_text, f"[{section}]\n{line.format(SECRET)}\n")
        assert found.startswith("pumice.conf:2: expected `name = value`, not ")
        assert "://***@h/db" in found
        assert SECRET not in found


class TestTheTable:
    def test_there_are_few_options(self) -> None:
        assert len(options(Settings)) <= 30
        assert len(options(BackendSettings)) + MAX_OPTIONS <= 10

    def test_every_field_that_can_be_set_has_a_help_text_of_one_line(self) -> None:
        assert set(options(Settings)) == set(Settings.__struct_fields__)
        assert set(BackendSettings.__struct_fields__) - set(options(BackendSettings)) == {
            "name",
            "driver_options",
        }
        for kind in (Settings, BackendSettings, DatabaseSettings):
            for option in options(kind).values():
                assert option.help.endswith(".")
                assert len(option.help) <= 80
                assert "\n" not in option.help

    def test_every_default_is_in_its_range(self) -> None:
        for name, option in options(Settings).items():
            assert msgspec.convert(option.default, option.type) == option.default, name

    def test_settings_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            Settings().quota_volumes = 11  # type: ignore[misc]  # What must be impossible.


class TestForPeople:
    def test_the_template_is_the_defaults(self, load_text: Load) -> None:
        assert "\nenabled_backends = file\n" in template()
        loaded = load_text(template())
        assert loaded.settings == Settings()
        assert loaded.database == DatabaseSettings()
        assert loaded.backends == load_text("").backends

    def test_the_template_with_every_option_taken_in(self, load_text: Load) -> None:
        everything = re.sub(r"(?m)^#(?=[\[a-z])", "", template())
        assert "\n#public" not in everything
        loaded = load_text(everything.replace("backends = file", "backends = file, fast"))
        assert loaded.settings == Settings(enabled_backends=("file", "fast"))
        assert [backend.volume_driver for backend in loaded.backends] == ["file", "memory"]

    def test_the_template_fits_a_screen_in_width(self) -> None:
        assert max(map(len, template().splitlines())) <= 100

    def test_rows_show_every_value_once(self, load_text: Load) -> None:
        loaded = load_text(TWO_BACKENDS)
        rows = {(row.section, row.name): row for row in render(loaded)}
        assert rows.keys() == loaded.origins.keys()
        assert len(rows) == len(render(loaded))
        assert rows["gold", "reserved_percentage"].value == 10
        assert rows["gold", "file_directory"].value == "/srv/gold"
        assert rows["silver", "reserved_percentage"].origin.endswith("pumice.conf:4")
        assert rows["DEFAULT", "public_endpoint"].value is None
        assert all(row.help for row in rows.values())

    @pytest.mark.parametrize(
        ("value", "text"),
        [(None, ""), (True, "true"), (False, "false"), (20.0, "20.0"), (("a", "b"), "a, b")],
    )
    def test_texts_are_as_in_the_file(
        self, value: bool | float | tuple[str, ...] | None, text: str
    ) -> None:
        assert as_text(value) == text
