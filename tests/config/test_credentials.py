"""systemd's credentials: over the file, under the environment, private."""

import pytest

from config.settings import ConfigurationError, load_settings, practice_settings
from tests.config.conftest import WriteConfig, live


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "credentials"
    found.mkdir()
    return found


def keep(folder, name, text, mode=0o400):
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


def environ(folder, **more):
    return {"CREDENTIALS_DIRECTORY": str(folder), **more}


def faults_of(folder):
    with pytest.raises(ConfigurationError) as caught:
        practice_settings(environ(folder))
    return [str(fault) for fault in caught.value.faults]


def test_secrets_need_not_stand_in_the_file(folder, write_config: WriteConfig):
    tree = live(kite={"user_id": "AB1234"})
    del tree["webhook_secret"]
    keep(folder, "manjha.webhook_secret", "a-secret-of-systemd's\n")
    keep(folder, "manjha.kite.api_key", "key0123456789")
    keep(folder, "manjha.kite.api_secret", "kept-by-systemd\n", mode=0o440)  # an ACL's mask
    keep(folder, "manjha.telegram.owner_ids", "[12345]\n")
    keep(folder, "tls.key", "somebody else's", mode=0o644)
    settings = load_settings(write_config(tree), environ(folder))
    assert settings.webhook_secret.get_secret_value() == "a-secret-of-systemd's"
    assert settings.kite.api_secret.get_secret_value() == "kept-by-systemd"
    assert settings.telegram.owner_ids == (12345,)


def test_the_environment_has_the_last_word(folder, write_config: WriteConfig):
    keep(folder, "manjha.server.port", "6001")
    path = write_config({"server": {"port": 6000}})
    assert load_settings(path, environ(folder)).server.port == 6001
    assert load_settings(path, environ(folder, MANJHA_SERVER__PORT="6002")).server.port == 6002


def test_a_credential_that_everybody_can_read_is_refused(folder):
    keep(folder, "manjha.webhook_secret", "not-secret-at-all", mode=0o444)
    (fault,) = faults_of(folder)
    assert "every user can read" in fault
    assert "not-secret-at-all" not in fault


def test_a_misspelt_credential_is_a_fault(folder):
    keep(folder, "manjha.kite.api_secrt", "x")
    assert faults_of(folder) == ["kite.api_secrt: there is no such setting"]


def test_a_folder_that_is_not_there_is_a_fault(folder):
    (fault,) = faults_of(folder / "gone")
    assert "cannot be read" in fault
