from gateway.proxy.overload import TARGET_LAG_SECONDS, Overload

TICK_SECONDS = 0.025
LATE_SECONDS = 3 * TARGET_LAG_SECONDS


class Loop:
    """An event loop's ticks, as late and as busy as told."""

    def __init__(self):
        self.consumed_seconds = 1.0
        self.overload = Overload(self.consumed_seconds)

    def tick(self, lag_seconds, *, busy=True):
        self.consumed_seconds += (TICK_SECONDS + lag_seconds) * (1.0 if busy else 0.1)
        self.overload.observe(lag_seconds, self.consumed_seconds)

    def share_refused(self):
        return sum(self.overload.shed() for _ in range(1000)) / 1000


def test_a_queue_that_stands_sheds_ever_more_but_never_everything():
    loop = Loop()
    shares = []
    for _ in range(50):
        loop.tick(LATE_SECONDS)
        shares.append(loop.overload.share)
    assert shares == sorted(shares)
    assert 0.9 < loop.share_refused() < 1


def test_lateness_that_passes_within_a_moment_refuses_nobody():
    loop = Loop()
    for _ in range(20):
        loop.tick(LATE_SECONDS)
        loop.tick(LATE_SECONDS)
        loop.tick(0.0)
        assert loop.share_refused() == 0


def test_lateness_in_which_others_had_the_cpu_refuses_nobody():
    loop = Loop()
    for _ in range(50):
        loop.tick(LATE_SECONDS, busy=False)
    assert loop.share_refused() == 0


def test_refusals_end_soon_after_the_queue_is_gone():
    loop = Loop()
    for _ in range(50):
        loop.tick(LATE_SECONDS)
    for _ in range(20):
        loop.tick(0.0)
    assert loop.share_refused() == 0
