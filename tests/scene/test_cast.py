"""Who is on stage at each step, and on which storages."""

from __future__ import annotations

import pytest
from stage_cases import history

from stridescope.layout import Layout
from stridescope.program import run
from stridescope.records import History, Step, StorageInfo, TensorInfo
from stridescope.scene.cast import Cast, Casting, storage_key


def casts(source: str) -> list[Cast]:
    casting = Casting(run(source))
    return [casting.cast(number) for number in range(len(casting.steps))]


def on_stage(cast: Cast) -> list[tuple[str, tuple[int, ...]]]:
    return [(member.key, member.info.shape) for member in cast.members]


def test_in_a_chain_each_step_has_the_stage_for_itself():
    shown = [on_stage(cast) for cast in casts("torch.arange(12).view(3, 4).t()")]
    assert shown == [[("#0", (12,))], [("#1", (3, 4))], [("#2", (4, 3))]]


def test_names_stay_on_stage_in_the_order_they_were_bound():
    shown = [[key for key, _ in on_stage(cast)] for cast in casts("x = torch.arange(6); a = x[1:]; b = a[::2]")]
    assert shown == [["x"], ["x", "a"], ["x", "a", "b"]]


def test_a_name_bound_again_is_the_newest_and_what_it_stood_for_is_gone():
    *_, last = casts("x = torch.arange(6); y = x[1:]; x = y[::2]")
    assert on_stage(last) == [("y", (5,)), ("x", (3,))]
    assert last.newest == "x"
    assert last.by_key["x"].step == 2


def test_a_second_name_for_one_tensor_is_a_second_member():
    *_, last = casts("x = torch.arange(6); y = x")
    assert [key for key, _ in on_stage(last)] == ["x", "y"]
    assert len(last.storages) == 1


def test_the_parts_of_a_cat_are_on_stage_until_it_is_made_and_no_longer():
    first, second, joined, after = casts("torch.cat([torch.arange(2), torch.arange(3)]).view(5, 1)")
    assert on_stage(first) == [("#0", (2,))]
    assert on_stage(second) == [("#0", (2,)), ("#1", (3,))]
    assert on_stage(joined) == [("#2", (5,))]
    assert joined.sources == ("#0", "#1")
    assert on_stage(after) == [("#3", (5, 1))]


def test_what_a_copy_was_made_from_keeps_its_strip_though_no_tensor_reaches_it():
    *_, last = casts("torch.arange(12).view(3, 4).t().contiguous()")
    assert [(stored.key == last.members[0].storage, stored.alive) for stored in last.storages] == [
        (False, False),
        (True, True),
    ]


def test_a_view_of_a_tensor_that_never_got_a_name_shows_the_storage_and_not_the_tensor():
    *_, last = casts("x = torch.arange(12).view(3, 4).t()")
    assert on_stage(last) == [("x", (4, 3))]
    assert last.stored[last.members[0].storage].held == 12


def test_a_tuple_shows_each_of_its_tensors():
    *_, last = casts("torch.arange(12).view(3, 4).split(3, 1)")
    assert on_stage(last) == [("#2.0", (3, 3)), ("#2.1", (3, 1))]
    assert [member.name for member in last.members] == ["[0]", "[1]"]
    assert len(last.storages) == 1


def test_the_tensors_of_a_tuple_take_the_names_they_are_given():
    *_, last = casts("x = torch.arange(6).view(2, 3); a, b, c = x.unbind(1)")
    assert [key for key, _ in on_stage(last)] == ["x", "a", "b", "c"]
    assert {member.storage for member in last.members} == {last.storages[0].key}


def test_a_part_taken_from_a_tuple_leaves_the_others_behind():
    *_, last = casts("torch.arange(12).view(3, 4).split(3, 1)[1].t()")
    assert on_stage(last) == [("#4", (1, 3))]


@pytest.mark.parametrize(("dtype", "scales"), [("int32", (2, 1)), ("int8", (8, 1)), ("float64", (1, 1))])
def test_one_position_of_a_strip_is_the_smallest_item_that_is_ever_drawn_on_it(dtype, scales):
    for cast in casts(f"x = torch.arange(6); y = x.view(torch.{dtype})"):
        assert tuple(member.scale for member in cast.members) == scales[: len(cast.members)]
        (stored,) = cast.storages
        assert (stored.unit, stored.held) == (8 // scales[0], 6 * scales[0])


def test_an_address_keeps_its_colour_at_every_step(program: History):
    casting = Casting(program)
    tracks: dict[str, object] = {}
    for number in range(len(program.steps)):
        for stored in casting.cast(number).storages:
            assert tracks.setdefault(stored.key, stored.track) == stored.track


def test_a_long_storage_spends_its_colours_on_what_is_reached():
    casting = Casting(History("", "algebra", (_given(Layout((10,), (2,), 5000), 10**6),)))
    track = casting.cast(0).storages[0].track
    assert track.ramp == (5000, 5019)
    assert (track.low, track.high) == (0, 10**6)


def _given(layout: Layout, held: int) -> Step:
    info = TensorInfo(
        "torch.Tensor", layout.shape, layout.stride, layout.storage_offset, "int8", 1, "cpu", False,
        StorageInfo("s", held),
    )  # fmt: skip
    return Step("x", "given", "same", info)


def test_a_step_that_was_refused_keeps_the_cast_of_the_step_before():
    *_, before, refused = casts("x = torch.arange(12).view(3, 4); y = x.t(); y.view(12)")
    assert on_stage(refused) == on_stage(before)
    assert refused.newest == before.newest == "y"
    assert [stored.key for stored in refused.storages] == [stored.key for stored in before.storages]


def test_a_refusal_in_the_very_first_step_leaves_the_stage_empty_and_standing():
    (cast,) = casts("torch.arange(-3)")
    assert cast.members == ()
    assert (cast.newest, cast.focused(None)) == (None, None)


def test_memory_that_numpy_hands_to_torch_is_a_storage_of_its_own_that_the_views_of_it_share():
    """`from_numpy` gives torch a window: torch counts from its start, and cannot see what lies before."""
    *_, last = casts("a = np.arange(8); b = torch.from_numpy(a[2:]); c = b[1:]")
    a, b, c = (last.by_key[name] for name in "abc")
    assert b.storage == c.storage != a.storage
    assert b.info.storage.window_of == a.storage
    assert (b.info.storage_offset, c.info.storage_offset) == (0, 1)


def test_every_storage_on_stage_belongs_to_a_tensor_on_stage_or_to_what_was_copied(program: History):
    casting = Casting(program)
    for number, step in enumerate(program.steps):
        cast = casting.cast(number)
        alive = {member.storage for member in cast.members if member.info.layout is not None}
        read = {storage_key(info) for info in step.sources}
        assert alive <= set(cast.stored) <= alive | read
        assert all(stored.alive == (stored.key in {m.storage for m in cast.members}) for stored in cast.storages)


def test_keys_are_unique_and_the_newest_is_among_them(program: History):
    casting = Casting(program)
    for number in range(len(program.steps)):
        cast = casting.cast(number)
        assert len(cast.by_key) == len(cast.members)
        assert cast.newest in cast.by_key, number
        for asked in (None, "no such name", *cast.by_key):
            member = cast.focused(asked)
            assert member is not None
            assert member.key == (asked if asked in cast.by_key else cast.newest)


def test_the_names_on_stage_at_the_end_are_those_of_the_history(program: History):
    cast = Casting(program).cast(len(program.steps) - 1)
    named = {member.name: member.info for member in cast.members if member.key == member.name}
    assert named == dict(program.aliases)


def test_sources_are_members_of_the_step_before(program: History):
    casting = Casting(program)
    for number in range(1, len(program.steps)):
        before, cast = casting.cast(number - 1), casting.cast(number)
        for key, info in zip(cast.sources, program.steps[number].sources, strict=False):
            if key is not None:
                assert before.by_key[key].info.layout == info.layout
                assert before.by_key[key].storage == storage_key(info)


def test_values_are_those_of_the_step_that_is_shown():
    casting = Casting(run("x = torch.arange(4); x.mul_(10); x[0] = 7"))
    seen = [casting.reader(number, casting.cast(number).by_key["x"])(range(4)) for number in range(3)]
    assert seen == [[0, 1, 2, 3], [0, 10, 20, 30], [7, 10, 20, 30]]


def test_what_was_written_through_another_type_is_not_claimed_to_be_known():
    casting = Casting(history("two types"))
    members = [casting.cast(number).by_key["x"] for number in range(3)]
    assert casting.reader(1, members[1])(range(4)) == [0, 1, 2, 3]
    assert casting.reader(2, members[2]) is None


def test_a_thousand_steps_are_asked_for_from_the_end_as_well_as_from_the_start():
    layout = Layout.contiguous((4,))
    first = _given(layout, 4)
    steps = tuple(Step("x", "view", "view", first.tensor, before=first.tensor) for _ in range(3000))
    casting = Casting(History("", "algebra", (first, *steps)))
    assert [member.key for member in casting.cast(3000).members] == ["#3000"]


def test_a_layout_alone_has_a_strip_without_a_size():
    info = TensorInfo("layout", (3, 4), (4, 1), 2, None, None, None, None, None)
    cast = Casting(History("", "algebra", (Step("(3,4):(4,1)+2", "given", "same", info),))).cast(0)
    (stored,) = cast.storages
    assert (stored.held, stored.unit, stored.track.high) == (None, 0, 14)


def test_a_tensor_without_strides_is_on_stage_without_a_strip():
    info = TensorInfo("torch.Tensor", (3, 4), None, None, "float32", 4, "cpu", False, None, tensor_layout="sparse_coo")
    cast = Casting(History("", "algebra", (Step("x", "given", "same", info),))).cast(0)
    assert [member.info for member in cast.members] == [info]
    assert cast.storages == ()
