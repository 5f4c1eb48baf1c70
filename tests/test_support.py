import pytest

from tests.support import skip_real


@pytest.fixture(autouse=True)
def _nothing_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CRAZYTRAIN_FORCE_REAL", raising=False)


def test_a_real_test_that_cannot_run_is_skipped_with_its_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match="no /dev/kvm"):
        skip_real("no /dev/kvm")


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("CRAZYTRAIN_FORCE_REAL", "1")])
def test_it_fails_where_real_tests_are_forced(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(pytest.fail.Exception, match="no /dev/kvm"):
        skip_real("no /dev/kvm")
