from gateway.proxy.overload import BUSY_SECONDS, PATIENCE_SECONDS, Overload

LONG, SHORT = 2 * BUSY_SECONDS, BUSY_SECONDS / 2
PATIENT_TURNS = round(PATIENCE_SECONDS / LONG)


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
    assert [loop.turn(SHORT) for _ in range(round(PATIENCE_SECONDS / SHORT) + 2)][-1] == (False, False)
    assert not loop.overload.late
    assert loop.turn(LONG) == (False, False)
