import pytest

from gateway.proxy.overload import BULK_BYTES, BUSY_SECONDS, MEMORY_SECONDS, PATIENCE_SECONDS, RELIEF_SECONDS, Overload

LONG, SHORT = 2 * BUSY_SECONDS, BUSY_SECONDS / 2
PATIENT_TURNS = round(PATIENCE_SECONDS / LONG)
SHORT_TURNS = round(MEMORY_SECONDS / SHORT) + 2
"""So many, and an overload is over."""
PIECE_BYTES, PIECE_SECONDS = 16 * BULK_BYTES, BUSY_SECONDS / 100


class Loop:
    """An event loop whose turns last as long, and consume as much CPU time, as told."""

    def __init__(self):
        self.now = self.consumed = 1.0
        self.ends = []
        self.settled = 0
        self.overload = Overload(self, self.settle, wall=lambda: self.now, cpu=lambda: self.consumed)

    def call_soon(self, end):
        self.ends.append(end)

    def settle(self):
        self.settled += 1

    def turn(self, seconds, *, busy=1.0):
        """Read a request at the beginning and one at the end; give whether each was refused."""
        first = self.overload.behind(self.now)
        self.now += seconds
        self.consumed += busy * seconds
        last = self.overload.behind(self.now)
        self.ends.pop()()
        assert self.ends == []
        return first, last

    def pass_by(self, seconds):
        self.now += seconds
        self.consumed += seconds

    def crowd(self, *, requests, pieces=0, head_seconds=0.0, size=PIECE_BYTES):
        """Read so many requests in one turn, each with pieces of a body behind it; give how many were refused."""
        refused = 0
        for _ in range(requests):
            refused += self.overload.behind(self.now)
            self.pass_by(head_seconds)
            for _ in range(pieces):
                self.pass_by(PIECE_SECONDS)
                self.overload.moved(size)
        self.ends.pop()()
        return refused

    def flood(self, size, between=0.0):
        """Read 12,000 requests in turns twice as long as busy ones, a piece behind each; give how many were refused."""
        refused = 0
        for _ in range(20):
            for _ in range(600):
                refused += self.overload.behind(self.now)
                self.pass_by(BUSY_SECONDS / 300)
                self.overload.admitted()
                self.pass_by(between)
                self.overload.moved(size)
            self.ends.pop()()
        return refused

    def stand(self):
        """Let a queue stand until one is refused."""
        for _ in range(PATIENT_TURNS):
            assert self.turn(LONG) == (False, False)
        assert self.turn(LONG) == (False, True)


def test_of_a_queue_that_stands_only_what_came_first_in_a_turn_is_done():
    loop = Loop()
    loop.stand()
    assert [loop.turn(LONG) for _ in range(50)] == [(False, True)] * 50
    assert loop.settled == 51


def test_one_turn_without_end_refuses_once_patience_is_over():
    loop = Loop()
    loop.overload.behind(loop.now)
    refused = {}
    for _ in range(20):
        loop.now += BUSY_SECONDS
        loop.consumed += BUSY_SECONDS
        refused[loop.now - 1.0] = loop.overload.behind(loop.now)
    assert refused == {seconds: seconds > PATIENCE_SECONDS for seconds in refused}


def test_only_far_into_a_turn_are_the_known_refused_too():
    loop = Loop()
    loop.stand()
    loop.overload.behind(loop.now)
    drowned = {}
    for _ in range(8):
        loop.now += BUSY_SECONDS
        loop.consumed += 2 * BUSY_SECONDS
        assert loop.overload.behind(loop.now + BUSY_SECONDS / 2)
        drowned[loop.now] = loop.overload.drowns
    assert list(drowned.values()) == [False] * 2 + [True] * 6
    loop.ends.pop()()
    assert not loop.overload.drowns


def test_long_turns_that_pass_within_a_moment_refuse_nobody():
    loop = Loop()
    for _ in range(20):
        for _ in range(PATIENT_TURNS - 1):
            assert loop.turn(LONG) == (False, False)
        while loop.overload.late:
            assert loop.turn(SHORT) == (False, False)
    assert loop.settled == 0


def test_long_turns_in_which_others_had_the_cpu_refuse_nobody():
    loop = Loop()
    assert [loop.turn(LONG, busy=0.4) for _ in range(50)] == [(False, False)] * 50


def test_a_short_turn_between_long_ones_is_no_end_of_the_queue():
    loop = Loop()
    loop.stand()
    loop.turn(SHORT)
    assert loop.turn(LONG) == (False, True)


def test_refusals_end_soon_after_the_queue_is_gone():
    loop = Loop()
    loop.stand()
    assert [loop.turn(SHORT) for _ in range(SHORT_TURNS)][-1] == (False, False)
    assert not loop.overload.late
    assert loop.turn(LONG) == (False, False)


def test_once_it_refuses_it_wants_shorter_turns_until_they_are():
    """Two thresholds: a load that lies between them neither begins to be refused nor ceases to be."""
    loop, between = Loop(), (BUSY_SECONDS + RELIEF_SECONDS) / 2
    assert [loop.turn(between) for _ in range(50)] == [(False, False)] * 50
    loop.stand()
    assert [loop.turn(between) for _ in range(50)] == [(False, True)] * 50
    for _ in range(SHORT_TURNS):
        loop.turn(SHORT)
    assert [loop.turn(between) for _ in range(50)] == [(False, False)] * 50


def test_turns_that_only_bodies_make_long_refuse_nobody():
    loop = Loop()
    assert [loop.crowd(requests=64, pieces=16) for _ in range(20)] == [0] * 20
    assert not loop.overload.late


def test_bodies_before_the_first_request_of_a_turn_leave_nothing_out_of_it():
    loop = Loop()
    for _ in range(200):
        loop.pass_by(PIECE_SECONDS)
        loop.overload.moved(PIECE_BYTES)
    turns = [loop.turn(LONG) for _ in range(PATIENT_TURNS + 1)]
    assert turns == [(False, False)] * PATIENT_TURNS + [(False, True)]


@pytest.mark.parametrize(
    ("pieces", "size"),
    [
        pytest.param(0, 0, id="without bodies"),
        pytest.param(1, BULK_BYTES - 1, id="with small bodies"),
        pytest.param(1, BULK_BYTES, id="with bodies just large enough to be left out"),
    ],
)
def test_long_turns_of_requests_refuse_what_comes_late(pieces, size):
    loop = Loop()
    turns = [loop.crowd(requests=100, pieces=pieces, size=size, head_seconds=BUSY_SECONDS / 60) for _ in range(20)]
    assert turns[0] == 0
    assert turns[-1] > 30


@pytest.mark.parametrize("size", [BULK_BYTES, 2 * BULK_BYTES, 4 * BULK_BYTES, PIECE_BYTES])
def test_a_flood_of_requests_whose_bodies_come_with_their_heads_is_refused(size):
    """What a head costs is not left out because a body came in the same read."""
    assert Loop().flood(size) > 5_000


def test_a_flood_of_requests_is_refused_though_pieces_of_others_come_among_them():
    """Without bodies of their own; what they cost is not left out because a stranger's tunnel moves bulk."""
    assert Loop().flood(BULK_BYTES, between=BULK_BYTES * 1e-9) > 5_000


@pytest.mark.parametrize(
    ("busy", "refused"),
    [
        pytest.param(1.0, True, id="that take the CPU"),
        pytest.param(0.4, False, id="while others have the CPU, of which the bodies' part is no sign"),
    ],
)
def test_requests_that_stand_among_large_bodies_are_refused_as_without_them(busy, refused):
    loop = Loop()
    for _ in range(20):
        loop.overload.behind(loop.now)
        for _ in range(64):
            loop.pass_by(PIECE_SECONDS)
            loop.overload.moved(PIECE_BYTES)
        turn = loop.turn(LONG, busy=busy)
    assert turn == (False, refused)


def test_memory_outlives_patience_once_requests_were_refused():
    loop = Loop()
    loop.stand()
    for _ in range(round(2 * PATIENCE_SECONDS / SHORT)):
        loop.turn(SHORT)
    assert loop.turn(LONG) == (False, True)


def test_what_refused_nobody_is_forgotten_after_a_moment():
    loop = Loop()
    for _ in range(PATIENT_TURNS - 1):
        loop.turn(LONG)
    for _ in range(round(1.5 * PATIENCE_SECONDS / SHORT)):
        loop.turn(SHORT)
    assert not loop.overload.late


@pytest.mark.parametrize("refused_before", [False, True])
def test_silence_ends_an_overload_as_short_turns_do(refused_before):
    loop = Loop()
    if refused_before:
        loop.stand()
    else:
        loop.turn(LONG)
    loop.pass_by(3600)
    assert loop.turn(LONG) == (False, False)


def test_one_turn_longer_than_patience_refuses_nobody_and_is_remembered_from_its_end():
    loop = Loop()
    assert loop.turn(1.25 * PATIENCE_SECONDS) == (False, False)
    assert loop.turn(SHORT) == (False, False)
    assert loop.turn(LONG) == (False, True)


def test_what_passed_before_a_request_was_read_is_no_part_of_a_body():
    loop = Loop()
    for _ in range(20):
        for _ in range(150):
            refused = loop.overload.behind(loop.now)
            loop.overload.moved(PIECE_BYTES)
            loop.pass_by(PIECE_SECONDS)
        loop.ends.pop()()
    assert refused


def test_of_pieces_that_come_at_once_time_is_left_out_once():
    loop = Loop()
    for _ in range(20):
        loop.overload.behind(loop.now)
        loop.pass_by(LONG)
        for _ in range(200):
            loop.overload.moved(PIECE_BYTES)
        refused = loop.overload.behind(loop.now)
        loop.ends.pop()()
    assert refused


def test_no_more_is_left_out_for_a_piece_than_it_can_have_cost():
    loop = Loop()
    turns = [loop.crowd(requests=60, pieces=1, size=BULK_BYTES, head_seconds=BUSY_SECONDS / 60) for _ in range(20)]
    assert turns[-1] > 0
