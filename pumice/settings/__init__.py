"""Everything that can be configured, as frozen values, and how ``pumice.conf`` becomes them.

``table`` says which options there are, ``ini`` reads the file, ``values`` turns its texts into
values, ``connection`` knows the URL of a database, ``load`` puts them together, and ``show`` writes
settings for people.
"""

from pumice.settings.connection import without_password
from pumice.settings.load import DEFAULT_SECTION, Loaded, load
from pumice.settings.show import Row, as_text, render, template
from pumice.settings.table import BackendSettings, DatabaseSettings, Settings
from pumice.settings.values import DEFAULT_ORIGIN

__all__ = [
    "DEFAULT_ORIGIN",
    "DEFAULT_SECTION",
    "BackendSettings",
    "DatabaseSettings",
    "Loaded",
    "Row",
    "Settings",
    "as_text",
    "load",
    "render",
    "template",
    "without_password",
]
