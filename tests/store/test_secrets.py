import os

import pytest

from gateway.spec.secret import Secret
from gateway.store.secrets import MOST_BYTES, SecretError, Secrets


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "password"
    path.write_text("first\n")
    return path


def reference(path):
    return Secret(file=str(path))


def test_a_variable_of_the_environment_is_found(monkeypatch):
    monkeypatch.setenv("CASINO_TEST_SECRET", "from the environment")
    assert Secrets().get(Secret(env="CASINO_TEST_SECRET")) == "from the environment"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        pytest.param("word\n", "word", id="one newline at the end is not part of it"),
        pytest.param("word\n\n", "word\n", id="a second one is"),
        pytest.param(" two words ", " two words ", id="spaces are"),
    ],
)
def test_a_file_holds_its_text(file, content, value):
    file.write_text(content)
    assert Secrets().get(reference(file)) == value


def test_a_file_that_is_replaced_is_read_again(file):
    secrets = Secrets()
    assert secrets.get(reference(file)) == "first"
    assert not secrets.changed()
    other = file.with_suffix(".new")
    other.write_text("other\n")
    other.replace(file)
    assert secrets.changed()
    assert secrets.get(reference(file)) == "other"
    assert not secrets.changed()


def test_a_file_written_in_place_with_as_many_bytes_is_read_again(file):
    secrets = Secrets()
    secrets.get(reference(file))
    written = file.stat().st_mtime_ns
    file.write_text("SECOND"[:5] + "\n")
    os.utime(file, ns=(written + 1, written + 1))
    assert secrets.get(reference(file)) == "SECON"


def test_a_file_whose_mode_changes_is_looked_at_again(file):
    secrets = Secrets()
    secrets.get(reference(file))
    file.chmod(0o640)
    assert secrets.changed()


def test_a_file_that_is_missing_for_a_moment_is_no_change_until_it_is_back(file):
    secrets = Secrets()
    secrets.get(reference(file))
    file.unlink()
    assert not secrets.changed()
    with pytest.raises(SecretError, match="No such file"):
        secrets.get(reference(file))
    assert not secrets.changed()
    file.write_text("back")
    assert secrets.changed()
    assert secrets.get(reference(file)) == "back"
    assert not secrets.changed()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\n", "is empty", id="only a newline"),
        pytest.param(b"hidden\xff", "is not UTF-8 text", id="no text"),
        pytest.param(b"hidden" + b"x" * MOST_BYTES, f"is larger than {MOST_BYTES} bytes", id="too large"),
    ],
)
def test_a_file_that_holds_none_is_refused_by_name_and_not_by_content(file, content, why):
    file.write_bytes(content)
    with pytest.raises(SecretError) as refused:
        Secrets().get(reference(file))
    assert str(refused.value) == f"the secret file {file} {why}"
    assert refused.value.__context__ is None, "an error of the codec holds the bytes"


def test_a_named_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SecretError, match="is not a file"):
        Secrets().get(reference(tmp_path / "pipe"))


def test_a_folder_is_no_secret(tmp_path):
    with pytest.raises(SecretError, match="is not a file"):
        Secrets().get(reference(tmp_path))


@pytest.mark.parametrize(("value", "why"), [(None, "is not set"), ("", "is empty")])
def test_a_variable_without_value_is_refused_by_name(monkeypatch, value, why):
    monkeypatch.delenv("CASINO_TEST_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("CASINO_TEST_SECRET", value)
    with pytest.raises(SecretError, match=f"the environment variable CASINO_TEST_SECRET {why}"):
        Secrets().get(Secret(env="CASINO_TEST_SECRET"))
