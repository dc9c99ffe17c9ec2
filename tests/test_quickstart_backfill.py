"""A first start that breaks off."""

from pathlib import Path

import pytest

from quickstart.backfill import BackfillFailed, backfill


def test_what_a_broken_try_left_is_not_filled_twice(tmp_path: Path) -> None:
    left = tmp_path / "prometheus" / "01ABC" / "meta.json"
    left.parent.mkdir(parents=True)
    left.write_text("{}")
    with pytest.raises(BackfillFailed, match="promtool"):
        backfill(
            tmp_path,
            {"promtool": Path("/bin/false")},
            ["/bin/false"],
            "http://127.0.0.1:1",
            configs=tmp_path,
            say=lambda _: None,
        )
    assert not left.exists()
    assert not (tmp_path / "backfilled").exists()
