"""Which fits are remembered, and which kept?"""

from exporter.lifecycle.versions import Decision, Life, Manifest, Reason


def fit(number: int, decision: Decision = "promoted", reason: Reason = "schedule") -> Manifest:
    return Manifest(
        number=number,
        reason=reason,
        decision=decision,
        made=100.0 * number,
        first=0,
        last=1,
        columns=1,
        series=1,
        samples=1,
        parameters={},
        fingerprint="f",
        exporter="1",
        until=number,
    )


def lived(*fits: Manifest) -> Life:
    life = Life()
    for one in fits:
        life = life.with_fit(one)
    return life


def test_what_is_promoted_is_the_champion_and_what_is_refused_is_remembered() -> None:
    life = lived(fit(1, "first"), fit(2), fit(3, "refused", "drift"), fit(4, "refused"))
    assert (life.champion, life.next_number, life.refusals) == (2, 5, 2)
    assert (life.tried, life.drifted) == (400.0, 300.0)
    assert [one.number for one in life.versions()] == [1, 2]
    assert life.manifest(3) == fit(3, "refused", "drift")
    assert life.manifest(9) is None
    assert lived(fit(1, "first"), fit(2)).refusals == 0


def test_the_champion_and_those_in_force_last_are_kept() -> None:
    life = lived(fit(1, "first"), fit(2), fit(3, "refused"), fit(4), fit(5))
    assert life.kept(3) == (5, 4, 2)
    assert life.kept(1) == (5,)
    back = Life(manifests=life.manifests, champion=2)
    assert back.kept(3) == (2, 5, 4)
    assert back.kept(2) == (2, 5)
    # Somebody went back from 5 to 2, and then 6 was promoted: 2 is the one before.
    after = back.with_facts(2, until=100).with_fit(fit(6))
    assert after.kept(3) == (6, 2, 5)
    assert Life().kept(3) == ()


def test_fifty_refused_ones_are_remembered_beside_the_versions() -> None:
    life = lived(fit(1, "first"), *(fit(number, "refused") for number in range(2, 80)))
    assert [one.number for one in life.manifests] == [1, *range(30, 80)]


def test_facts_become_known_later() -> None:
    life = lived(fit(1, "first"), fit(2)).with_facts(1, until=77)
    assert [one.until for one in life.manifests] == [77, 2]
