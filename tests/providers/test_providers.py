"""The providers find their client's folder on each platform, and nothing makes them stumble."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from memsync import config
from memsync.errors import WrongUsageError
from memsync.providers import MEMORY_FILE, NAMES, auto_detect, get_provider

VARIABLES = (
    "OneDrive",
    "OneDriveConsumer",
    "OneDriveCommercial",
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
)
NOWHERE = "/no/such/folder"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home on a machine without any sync client."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def on_mac(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")


@pytest.fixture
def on_windows(monkeypatch, home):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(home / "AppData" / "Roaming"))
    monkeypatch.setenv("LOCALAPPDATA", str(home / "AppData" / "Local"))


@pytest.fixture
def on_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.fixture(params=["darwin", "win32", "linux"])
def on_any(request, monkeypatch):
    monkeypatch.setattr(sys, "platform", request.param)
    return request.param


def made(path):
    path.mkdir(parents=True, exist_ok=True)
    return path


def written(path, content):
    made(path.parent)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def detect(name):
    return get_provider(name).detect()


def google_on(*, drives=(), volume=None):
    """Google Drive's provider, looking for its mounts under the test's own folder."""
    google = get_provider("gdrive")
    google.drives = tuple(drives)
    google.volume = volume or Path(NOWHERE)
    return google


def syncthing_config(*folders):
    lines = "".join(
        f'<folder id="f{number}" label="" path="{folder}" type="{kind}"></folder>'
        for number, (folder, kind) in enumerate(folders)
    )
    defaults = '<defaults><folder id="" path="~" type="sendreceive"></folder></defaults>'
    return f'<configuration version="37">{lines}{defaults}</configuration>'


# Names and the contract of all of them


def test_the_names_are_those_that_the_config_allows():
    assert NAMES == config.PROVIDERS


@pytest.mark.parametrize("name", NAMES)
def test_each_provider_knows_its_own_name_and_label(name):
    provider = get_provider(name)
    assert provider.name == name
    assert provider.label


@pytest.mark.parametrize("name", ["", "OneDrive", "base", "../custom", "nextcloud"])
def test_an_unknown_provider_is_refused_with_the_names_there_are(name):
    with pytest.raises(WrongUsageError) as refusal:
        get_provider(name)
    assert repr(name) in refusal.value.message
    assert all(known in refusal.value.hint for known in NAMES)


def test_asking_for_one_provider_does_not_load_the_parser_of_another():
    code = (
        "import sys; from memsync.providers import get_provider; get_provider('onedrive');"
        "sys.exit('xml.etree.ElementTree' in sys.modules or 'json' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-I", "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_on_a_machine_without_the_client(name, on_any):
    assert detect(name) is None


@pytest.mark.parametrize("name", [name for name in NAMES if name != "icloud"])
def test_the_memory_lies_in_a_dot_folder_of_the_sync_root(name, tmp_path):
    assert get_provider(name).get_memory_root(tmp_path) == tmp_path / ".claude-memory"


def test_icloud_gets_a_memory_folder_without_a_dot(tmp_path):
    assert get_provider("icloud").get_memory_root(tmp_path) == tmp_path / "claude-memory"


def test_asking_for_the_memory_root_creates_nothing(tmp_path):
    root = made(tmp_path / "root")
    get_provider("onedrive").get_memory_root(root)
    assert list(root.iterdir()) == []


def test_a_custom_folder_is_never_guessed_at(home, on_any):
    made(home / ".claude-memory")
    assert detect("custom") is None


# OneDrive


def test_the_personal_onedrive_is_preferred_to_a_tenants(home, on_mac):
    storage = home / "Library" / "CloudStorage"
    tenant = made(storage / "OneDrive-Acme")
    assert detect("onedrive") == tenant
    personal = made(storage / "OneDrive-Personal")
    assert detect("onedrive") == personal


def test_the_shared_libraries_of_a_company_are_not_somebodys_onedrive(home, on_mac):
    made(home / "Library" / "CloudStorage" / "OneDrive-SharedLibraries-Acme")
    assert detect("onedrive") is None


def test_a_mac_that_was_never_migrated_keeps_onedrive_in_the_home(home, on_mac):
    old = made(home / "OneDrive")
    assert detect("onedrive") == old
    made(home / "Library" / "CloudStorage" / "OneDrive-Acme")
    assert detect("onedrive") != old


@pytest.mark.parametrize("variable", ["OneDrive", "OneDriveConsumer", "OneDriveCommercial"])
def test_windows_says_in_its_variables_where_onedrive_is(
    variable, tmp_path, on_windows, monkeypatch
):
    moved = made(tmp_path / "D" / "OneDrive")
    monkeypatch.setenv(variable, str(moved))
    assert detect("onedrive") == moved


def test_a_variable_that_names_a_folder_long_gone_is_passed_over(
    home, tmp_path, on_windows, monkeypatch
):
    monkeypatch.setenv("OneDrive", str(tmp_path / "gone"))
    commercial = made(tmp_path / "OneDrive - Acme")
    monkeypatch.setenv("OneDriveCommercial", str(commercial))
    made(home / "OneDrive")
    assert detect("onedrive") == commercial


@pytest.mark.parametrize("value", ["", ".", "OneDrive"])
def test_an_empty_or_relative_variable_does_not_mean_the_current_folder(
    value, tmp_path, on_windows, monkeypatch
):
    made(tmp_path / "OneDrive")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OneDrive", value)
    assert detect("onedrive") is None


def test_windows_without_variables_looks_in_the_profile(home, on_windows):
    tenant = made(home / "OneDrive - Acme")
    assert detect("onedrive") == tenant
    personal = made(home / "OneDrive")
    assert detect("onedrive") == personal


def test_the_windows_profile_counts_even_where_a_shell_has_set_another_home(
    tmp_path, home, on_windows, monkeypatch
):
    monkeypatch.setenv("HOME", str(made(tmp_path / "msys")))
    root = made(home / "OneDrive")
    assert detect("onedrive") == root


def test_onedrive_on_linux_is_in_the_home(home, on_linux):
    root = made(home / "OneDrive")
    assert detect("onedrive") == root


def test_a_file_called_onedrive_is_no_sync_root(home, on_any):
    written(home / "OneDrive", "not a folder")
    assert detect("onedrive") is None


# iCloud


def test_icloud_on_a_mac(home, on_mac):
    root = made(home / "Library" / "Mobile Documents" / "com~apple~CloudDocs")
    assert detect("icloud") == root


def test_icloud_on_windows(home, on_windows):
    root = made(home / "iCloudDrive")
    assert detect("icloud") == root


def test_there_is_no_icloud_on_linux(home, on_linux):
    made(home / "iCloudDrive")
    made(home / "Library" / "Mobile Documents" / "com~apple~CloudDocs")
    assert detect("icloud") is None


# Google Drive


@pytest.mark.parametrize(
    "called", ["My Drive", "Meine Ablage", "Mon Drive", "Mi unidad", "Mój dysk"]
)
def test_google_drive_on_a_mac_is_found_in_the_language_of_the_user(called, home, on_mac):
    account = home / "Library" / "CloudStorage" / "GoogleDrive-ann@example.org"
    made(account / ".shortcut-targets-by-id")
    made(account / "Shared drives")
    root = made(account / called)
    assert google_on().detect() == root


def test_my_drive_is_preferred_to_a_folder_beside_it(home, on_mac):
    account = home / "Library" / "CloudStorage" / "GoogleDrive-ann@example.org"
    made(account / "A folder")
    root = made(account / "My Drive")
    assert google_on().detect() == root


def test_in_an_unlisted_language_the_one_folder_left_is_the_drive(home, on_mac):
    account = home / "Library" / "CloudStorage" / "GoogleDrive-ann@example.org"
    made(account / ".shortcut-targets-by-id")
    made(account / ".Encrypted")
    made(account / "Disques partage\u0301s")  # the accent as macOS may hand it out
    written(account / "Icon\r", "")
    root = made(account / "Aking Drive")
    assert google_on().detect() == root


def test_of_two_unknown_folders_neither_is_guessed_at(home, on_mac):
    account = home / "Library" / "CloudStorage" / "GoogleDrive-ann@example.org"
    made(account / "Aking Drive")
    made(account / "Mga nakabahaging drive")
    assert google_on().detect() is None


def test_an_account_that_was_signed_out_does_not_hide_the_other(home, on_mac):
    storage = home / "Library" / "CloudStorage"
    made(storage / "GoogleDrive-ann@example.org")
    root = made(storage / "GoogleDrive-bob@example.org" / "My Drive")
    assert google_on().detect() == root


def test_the_older_google_drive_of_a_mac_is_a_volume(tmp_path, on_mac):
    root = made(tmp_path / "Volumes" / "GoogleDrive" / "Meine Ablage")
    assert google_on(volume=tmp_path / "Volumes" / "GoogleDrive").detect() == root


@pytest.mark.parametrize("called", ["My Drive", "Meine Ablage", "マイドライブ"])
def test_google_drive_on_windows_may_have_any_letter(called, tmp_path, on_windows):
    drives = [tmp_path / "G", tmp_path / "H", tmp_path / "K"]
    made(tmp_path / "H" / "Backup")
    root = made(tmp_path / "K" / called)
    assert google_on(drives=drives).detect() == root


def test_g_is_the_first_letter_tried_and_no_floppy_is_waited_for():
    drives = [str(drive)[0] for drive in get_provider("gdrive").drives]
    assert drives[0] == "G"
    assert not set(drives) & set("ABC")


def test_a_memory_stick_with_a_single_folder_is_not_google_drive(tmp_path, on_windows):
    folder = made(tmp_path / "E" / "Holiday")
    google = google_on(drives=[tmp_path / "E"])
    assert google.detect() is None
    made(tmp_path / "E" / ".shortcut-targets-by-id")
    assert google.detect() == folder


@pytest.mark.parametrize("called", ["Google Drive", "GoogleDrive", "gdrive"])
def test_google_drive_on_linux_is_a_mount_in_the_home(called, home, on_linux):
    root = made(home / called)
    assert detect("gdrive") == root


# Dropbox


def info(**accounts):
    return json.dumps({account: {"path": str(path)} for account, path in accounts.items()})


@pytest.mark.parametrize("system", ["darwin", "linux"])
def test_dropbox_says_where_its_folder_is(system, home, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    business = made(tmp_path / "Dropbox (Acme)")
    written(home / ".dropbox" / "info.json", info(business=business))
    assert detect("dropbox") == business
    personal = made(tmp_path / "Dropbox (Personal)")
    written(home / ".dropbox" / "info.json", info(business=business, personal=personal))
    assert detect("dropbox") == personal


def test_dropbox_on_windows_is_looked_up_in_roaming_before_local(home, tmp_path, on_windows):
    local, roaming = made(tmp_path / "local"), made(tmp_path / "roaming")
    written(home / "AppData" / "Local" / "Dropbox" / "info.json", info(personal=local))
    assert detect("dropbox") == local
    written(home / "AppData" / "Roaming" / "Dropbox" / "info.json", info(personal=roaming))
    assert detect("dropbox") == roaming


def test_a_dropbox_on_an_unplugged_disk_gives_way_to_the_next(home, tmp_path, on_linux):
    business = made(tmp_path / "business")
    written(home / ".dropbox" / "info.json", info(personal=NOWHERE, business=business))
    assert detect("dropbox") == business


ODD_JSON = {
    "empty": b"",
    "not JSON": b"path=/home/ann/Dropbox",
    "cut off": b'{"personal": {"path": "/ho',
    "a list": b"[1, 2]",
    "a number": b"7",
    "null": b"null",
    "account is text": b'{"personal": "/tmp", "business": null}',
    "account is a list": b'{"personal": ["path"]}',
    "path is a number": b'{"personal": {"path": 7}}',
    "path is an object": b'{"personal": {"path": {"path": "/tmp"}}}',
    "path is empty": b'{"personal": {"path": ""}}',
    "path is relative": b'{"personal": {"path": "."}}',
    "path with a NUL": b'{"personal": {"path": "/tmp\\u0000/x"}}',
    "path with half a character": b'{"personal": {"path": "/tmp/\\ud800"}}',
    "path far too long": b'{"personal": {"path": "/' + b"x" * 5000 + b'"}}',
    "NUL bytes": b"\0" * 400,
    "not UTF-8": b"\xff\xfe\xff\xfa{",
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("content", ODD_JSON.values(), ids=ODD_JSON.keys())
def test_an_odd_info_json_falls_back_to_the_usual_folder(content, home, on_linux):
    written(home / ".dropbox" / "info.json", content)
    assert detect("dropbox") is None
    usual = made(home / "Dropbox")
    assert detect("dropbox") == usual


def test_an_info_json_with_a_byte_order_mark_is_read(home, tmp_path, on_linux):
    root = made(tmp_path / "root")
    written(home / ".dropbox" / "info.json", b"\xef\xbb\xbf" + info(personal=root).encode())
    assert detect("dropbox") == root


# Syncthing


@pytest.mark.parametrize(
    ("system", "place"),
    [
        ("darwin", "Library/Application Support/Syncthing"),
        ("win32", "AppData/Local/Syncthing"),
        ("linux", ".local/state/syncthing"),
        ("linux", ".config/syncthing"),
    ],
)
def test_syncthings_first_existing_folder_is_taken(system, place, home, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("LOCALAPPDATA", str(home / "AppData" / "Local"))
    first, second = made(tmp_path / "first"), made(tmp_path / "second")
    text = syncthing_config(
        (NOWHERE, "sendreceive"), (first, "sendreceive"), (second, "sendreceive")
    )
    written(home / place / "config.xml", text)
    assert detect("syncthing") == first


def test_syncthings_places_follow_the_xdg_variables(tmp_path, on_linux, monkeypatch):
    state, old = made(tmp_path / "state-root"), made(tmp_path / "config-root")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    written(tmp_path / "state/syncthing/config.xml", syncthing_config((state, "sendreceive")))
    assert detect("syncthing") == state
    written(tmp_path / "config/syncthing/config.xml", syncthing_config((old, "sendreceive")))
    assert detect("syncthing") == old


def test_a_syncthing_folder_that_holds_the_memory_is_preferred(home, tmp_path, on_linux):
    photos, notes = made(tmp_path / "photos"), made(tmp_path / "notes")
    made(notes / ".claude-memory")
    written(
        home / ".local/state/syncthing/config.xml",
        syncthing_config((photos, "sendreceive"), (notes, "receiveonly")),
    )
    assert detect("syncthing") == notes


@pytest.mark.parametrize("kind", ["receiveonly", "receiveencrypted"])
def test_a_folder_from_which_nothing_leaves_is_the_last_choice(kind, home, tmp_path, on_linux):
    mirror, shared = made(tmp_path / "mirror"), made(tmp_path / "shared")
    source = home / ".local/state/syncthing/config.xml"
    written(source, syncthing_config((mirror, kind), (shared, "sendreceive")))
    assert detect("syncthing") == shared
    written(source, syncthing_config((mirror, kind)))
    assert detect("syncthing") == mirror


@pytest.mark.parametrize("path", ["~/Notes", "~\\Notes", "~//Notes"])
def test_a_tilde_in_a_syncthing_path_is_the_home(path, home, on_any, monkeypatch):
    monkeypatch.setenv("LOCALAPPDATA", str(home / "local"))
    text = syncthing_config((path, "sendreceive"))
    for place in ("Library/Application Support/Syncthing", "local/Syncthing", ".config/syncthing"):
        written(home / place / "config.xml", text)
    root = made(home / "Notes")
    assert detect("syncthing") == root


def test_the_template_in_syncthings_defaults_is_no_folder(home, on_linux):
    written(home / ".local/state/syncthing/config.xml", syncthing_config())
    assert detect("syncthing") is None


def test_without_a_config_syncthings_usual_folder_is_taken(home, on_any):
    root = made(home / "Sync")
    assert detect("syncthing") == root


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a0 "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b']><configuration><folder path="&a11;"/></configuration>'
)
ODD_XML = {
    "empty": b"",
    "not XML": b'{"folder": "/tmp"}',
    "cut off": b'<configuration><folder path="/tmp"',
    "no folder": b"<configuration/>",
    "no path": b'<configuration><folder id="x"/></configuration>',
    "empty path": b'<configuration><folder path=""/></configuration>',
    "relative path": b'<configuration><folder path="."/></configuration>',
    "another's home": b'<configuration><folder path="~root"/></configuration>',
    "path far too long": b'<configuration><folder path="/' + b"x" * 5000 + b'"/></configuration>',
    "NUL bytes": b"\0" * 400,
    "NUL in a path": b'<configuration><folder path="/tmp\0"/></configuration>',
    "NUL as a reference": b'<configuration><folder path="/tmp&#0;"/></configuration>',
    "not UTF-8": b'<configuration><folder path="/\xff\xfe"/></configuration>',
    "unknown encoding": b'<?xml version="1.0" encoding="klingon"?><configuration/>',
    "encoding of many bytes": b'<?xml version="1.0" encoding="gb18030"?><configuration/>',
    "unknown entity": b'<configuration><folder path="&tmp;"/></configuration>',
    "entities that explode": BOMB,
    "entities that explode in UTF-16": BOMB.decode().encode("utf-16"),
    "entity from a file": b'<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<configuration>&x;</configuration>",
    "nested without end": b"<a>" * 100_000,
    "nested deep": b"<a>" * 50_000 + b"</a>" * 50_000,
}


@pytest.mark.parametrize("content", ODD_XML.values(), ids=ODD_XML.keys())
def test_an_odd_syncthing_config_falls_back_to_the_usual_folder(
    content, home, tmp_path, on_linux, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    written(home / ".local/state/syncthing/config.xml", content)
    assert detect("syncthing") is None
    usual = made(home / "Sync")
    assert detect("syncthing") == usual


def test_a_broken_old_config_does_not_hide_the_new_one(home, tmp_path, on_linux):
    root = made(tmp_path / "root")
    written(home / ".config/syncthing/config.xml", "<configuration")
    written(home / ".local/state/syncthing/config.xml", syncthing_config((root, "sendreceive")))
    assert detect("syncthing") == root


# Machines that do not play along


SETTINGS = [("dropbox", ".dropbox/info.json"), ("syncthing", ".config/syncthing/config.xml")]


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_a_folder_in_place_of_the_settings_is_passed_over(name, settings, home, on_linux):
    made(home / settings)
    assert detect(name) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_a_pipe_in_place_of_the_settings_is_not_waited_for(name, settings, home, on_linux):
    made((home / settings).parent)
    os.mkfifo(home / settings)
    assert detect(name) is None


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_settings_of_absurd_size_are_not_read(name, settings, home, on_linux):
    with written(home / settings, "").open("wb") as file:
        file.truncate(1 << 40)
    assert detect(name) is None


@contextlib.contextmanager
def without_rights_to(folder):
    """Let nobody, not even root, into `folder` for a while."""
    was_root = os.geteuid() == 0
    folder.chmod(0o000)
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are another matter on Windows")
@pytest.mark.parametrize("name", NAMES)
def test_a_home_that_cannot_be_read_holds_nothing_and_raises_nothing(name, home, on_any):
    made(home / "OneDrive")
    provider = get_provider(name)
    with without_rights_to(home):
        assert provider.detect() is None


def test_a_link_in_a_circle_is_no_sync_root(home, on_linux):
    (home / "OneDrive").symlink_to(home / "OneDrive")
    assert detect("onedrive") is None


def test_a_link_to_the_real_folder_is_a_sync_root(home, tmp_path, on_linux):
    (home / "OneDrive").symlink_to(made(tmp_path / "disk"))
    assert detect("onedrive") == home / "OneDrive"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows knows no users without a home")
@pytest.mark.parametrize("name", NAMES)
def test_a_user_without_a_home_has_no_sync_folder(name, on_linux, monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_000)
    assert detect(name) is None


# All of them at once


def names_of(found):
    return [provider.name for provider, _ in found]


def test_every_client_on_the_machine_is_found_in_the_usual_order(home, on_linux):
    for folder in ("Sync", "Dropbox", "gdrive", "OneDrive"):
        made(home / folder)
    found = auto_detect()
    assert names_of(found) == ["onedrive", "gdrive", "dropbox", "syncthing"]
    assert [path for _, path in found] == [
        home / "OneDrive",
        home / "gdrive",
        home / "Dropbox",
        home / "Sync",
    ]


def test_no_client_at_all_is_an_empty_list(on_any):
    assert auto_detect() == []


def test_a_client_that_already_carries_a_memory_comes_first(home, on_linux):
    for folder in ("OneDrive", "gdrive", "Dropbox", "Sync"):
        made(home / folder)
    for folder in ("Sync", "Dropbox"):
        written(home / folder / ".claude-memory" / MEMORY_FILE, "# Me\n")
    assert names_of(auto_detect()) == ["dropbox", "syncthing", "onedrive", "gdrive"]


def test_an_empty_memory_folder_is_no_memory(home, on_linux):
    made(home / "OneDrive")
    made(home / "Dropbox" / ".claude-memory")
    assert names_of(auto_detect()) == ["onedrive", "dropbox"]


def test_a_memory_folder_that_cannot_be_looked_into_is_no_memory(home, on_linux):
    made(home / "Dropbox")
    made(home / "OneDrive")
    (home / "Dropbox" / ".claude-memory").symlink_to("x" * 300)  # longer than any name may be
    assert names_of(auto_detect()) == ["onedrive", "dropbox"]


def test_a_memory_that_icloud_keeps_in_the_cloud_for_now_still_counts(home, on_mac):
    made(home / "OneDrive")
    icloud = home / "Library" / "Mobile Documents" / "com~apple~CloudDocs"
    written(icloud / "claude-memory" / f".{MEMORY_FILE}.icloud", "placeholder")
    assert names_of(auto_detect()) == ["icloud", "onedrive"]
