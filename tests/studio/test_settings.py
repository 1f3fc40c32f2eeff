"""Flags beat variables, variables beat defaults; what cannot be read ends with a line that names it."""

from pathlib import Path

import pytest

from pipelines.errors.access import NotAllowed
from studio.settings import Settings


def read(*argv: str, **environ: str) -> Settings:
    return Settings.from_environment(argv, environ)


def test_defaults_stay_on_this_machine() -> None:
    settings = read()
    assert (settings.host, settings.port, settings.engine) == ("127.0.0.1", 7860, "process")
    assert settings.home == Path.home() / ".aigc-studio"
    assert settings.cache == Path.home() / ".cache" / "aigc-studio"
    assert settings.is_loopback and not settings.is_gated and not settings.is_public_demo


def test_a_flag_beats_its_variable() -> None:
    environ = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "1", "AIGC_STUDIO_HOME": "/a"}
    environ |= {"AIGC_STUDIO_AUTH": "a:b"}
    told = read("--host", "::1", "--port", "8000", "--home", "/b", "--auth", "c:d:e", **environ)
    assert (told.host, told.port, told.home, told.auth) == ("::1", 8000, Path("/b"), (("c", "d:e"),))
    plain = read(**environ)
    assert (plain.host, plain.port, plain.home, plain.auth) == ("0.0.0.0", 1, Path("/a"), (("a", "b"),))


def test_how_much_memory_models_may_take() -> None:
    assert read().memory_bytes is None and read().idle_seconds == 1800
    assert read("--memory", "12.5", AIGC_STUDIO_MEMORY_GB="3").memory_bytes == 12_500_000_000
    assert read(AIGC_STUDIO_MEMORY_GB="3").memory_bytes == 3_000_000_000
    assert read(AIGC_STUDIO_IDLE_MINUTES="5").idle_seconds == 300
    assert read(AIGC_STUDIO_IDLE_MINUTES="0").idle_seconds is None


@pytest.mark.parametrize("wrong", ["0", "-1", "much", "nan", "inf", "1e999"])
def test_memory_that_is_no_size_is_named(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    for environ in ({"AIGC_STUDIO_MEMORY_GB": wrong}, {"AIGC_STUDIO_IDLE_MINUTES": wrong}):
        if environ.get("AIGC_STUDIO_IDLE_MINUTES") != "0":
            with pytest.raises(SystemExit):
                read(**environ)
            assert repr(wrong) in capsys.readouterr().err


def test_several_people_may_log_in() -> None:
    assert read("--auth", "a:1", "--auth", "b:2").auth == (("a", "1"), ("b", "2"))
    assert read(AIGC_STUDIO_AUTH="a:1 b:2").auth == (("a", "1"), ("b", "2"))


def test_passwords_are_not_in_the_repr() -> None:
    assert "hunter2" not in repr(read("--auth", "a:hunter2"))


def test_a_share_link_asks_for_a_login() -> None:
    with pytest.raises(NotAllowed) as refused:
        read("--share")
    assert "--auth" in refused.value.say("en") and "--auth" in refused.value.say("zh")
    assert read("--share", "--auth", "a:b").share


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.org", False),
        ("localhost.example.org", False),
    ],
)
def test_loopback(host: str, is_loopback: bool) -> None:
    settings = read("--host", host)
    assert settings.is_loopback is is_loopback
    assert settings.is_gated is not is_loopback


def test_a_login_or_a_space_needs_no_gate() -> None:
    assert not read("--host", "0.0.0.0", "--auth", "a:b").is_gated
    space = read(SPACE_ID="a/b", SPACE_HOST="a-b.hf.space,studio.example")
    assert space.host == "0.0.0.0" and not space.is_gated and space.is_public_demo
    assert space.space_hosts == ("a-b.hf.space", "studio.example")
    assert not read("--auth", "a:b", SPACE_ID="a/b").is_public_demo


@pytest.mark.parametrize(
    ("argv", "environ", "named"),
    [
        (["--port", "http"], {}, "port"),
        (["--port", "0"], {}, "port"),
        (["--port", "70000"], {}, "port"),
        (["--port", "²"], {}, "port"),
        ([], {"GRADIO_SERVER_PORT": "many"}, "port"),
        ([], {"STUDIO_ENGINE": "ray"}, "STUDIO_ENGINE"),
        (["--auth", "nobody"], {}, "USER:PASSWORD"),
        (["--auth", ":secret"], {}, "USER:PASSWORD"),
        ([], {"AIGC_STUDIO_AUTH": "a:my secret"}, "USER:PASSWORD"),
        (["--debug"], {}, "--debug"),
    ],
)
def test_what_cannot_be_read_is_named(
    argv: list[str], environ: dict[str, str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(*argv, **environ)
    assert ended.value.code == 2
    assert named in capsys.readouterr().err
