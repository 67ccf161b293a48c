"""The table is proved against the ideal: one bucket with one owner, which sees every request in the order of time."""

import itertools
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.limits import COUNT_SETS, RATE_SETS, WAYS, LimitTable

PERIOD = 1000
WORKERS = 4
START = 10**12
NUMBERS = itertools.count()


@pytest.fixture
def path(tmp_path):
    LimitTable.create(tmp_path / "limits", workers=WORKERS)
    return tmp_path / "limits"


@pytest.fixture
def table(path):
    return LimitTable.open(path)


@pytest.fixture(scope="module")
def everybody(tmp_path_factory):
    """The column of each process, in a table that examples share."""
    path = tmp_path_factory.mktemp("limits") / "limits"
    LimitTable.create(path, workers=WORKERS)
    return [LimitTable.open(path).rates(number) for number in range(WORKERS + 1)]


class Worker:
    """One process that decides: it reads, and any time later it writes what it decided by that."""

    def __init__(self, column, limit, burst):
        self.column = column
        self.bucket = column.bucket(limit, "", PERIOD)
        self.burst_ns = (burst - 1) * PERIOD
        self.decided_at = None

    def step(self, now):
        """Return the time of a request that is admitted now."""
        if self.decided_at is not None:
            self.column.take(self.bucket, self.decided_at)
            self.decided_at = None
        elif self.column.read(self.bucket) - now <= self.burst_ns:
            self.decided_at = now
            return now
        return None

    def finish(self):
        if self.decided_at is not None:
            self.step(0)


def ideal(admitted):
    tat = 0
    for at in admitted:
        tat = max(tat, at) + PERIOD
    return tat


schedules = st.lists(st.tuples(st.integers(0, WORKERS - 1), st.sampled_from((0, 0, 1, 400, 1000, 3500))), max_size=120)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedules, st.integers(1, 6))
def test_at_most_the_requests_being_decided_elsewhere_are_let_through_early(everybody, schedule, burst):
    """Whatever the interleaving: in no window more than burst + rate * window + workers - 1, and no request is lost."""
    limit = f"limits/{next(NUMBERS)}"
    workers = [Worker(column, limit, burst) for column in everybody[1:]]
    now, admitted = START, []
    for number, pause in schedule:
        now += pause
        if (at := workers[number].step(now)) is not None:
            admitted.append(at)
    for first, begin in enumerate(admitted):
        for count, end in enumerate(admitted[first:], start=1):
            assert count <= burst + (end - begin) // PERIOD + WORKERS - 1
    for worker in workers:
        worker.finish()
    if admitted:
        assert 0 <= workers[0].column.read(workers[0].bucket) - ideal(admitted) <= (WORKERS - 1) * PERIOD


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedules, st.integers(1, 6))
def test_processes_that_take_turns_decide_as_one(everybody, schedule, burst):
    limit = f"limits/{next(NUMBERS)}"
    workers = [Worker(column, limit, burst) for column in everybody[1:]]
    now, tat = START, 0
    for number, pause in schedule:
        now += pause
        admits = workers[number].step(now) is not None
        assert admits == (tat - now <= (burst - 1) * PERIOD)
        if admits:
            tat = max(tat, now) + PERIOD
            workers[number].finish()
            assert workers[number].column.read(workers[number].bucket) == tat


def test_control_adds_what_other_gateways_used_without_being_refused(table):
    control, worker = table.rates(0), table.rates(1)
    bucket = worker.bucket("limits/fair", "me", PERIOD)
    worker.read(bucket)
    worker.take(bucket, START)
    control.push(control.named(bucket.fingerprint, PERIOD), START, 7)
    assert worker.read(bucket) == START + 8 * PERIOD


def test_a_successor_goes_on_where_a_killed_worker_was(path):
    before = LimitTable.open(path).rates(2)
    bucket = before.bucket("limits/fair", "me", PERIOD)
    before.push(bucket, START, 5)
    after = LimitTable.open(path).rates(2)
    again = after.bucket("limits/fair", "me", PERIOD)
    assert after.taken == 1
    after.push(again, START, 1)
    assert after.read(again) == START + 6 * PERIOD
    assert len(again.cells) == 1


def test_a_quota_is_blocked_for_all_workers_until_it_is_not(table):
    control, worker = table.rates(0), table.rates(3)
    bucket = worker.bucket("limits/daily", "me", 0)
    assert worker.read(bucket) < 0
    control.block(control.named(bucket.fingerprint, 0), START - PERIOD, START)
    assert worker.read(bucket) == START
    control.unblock(control.named(bucket.fingerprint, 0))
    assert worker.read(bucket) < 0


def test_each_table_has_its_own_secret_so_that_nobody_can_aim(tmp_path):
    names = set()
    for number in range(3):
        LimitTable.create(tmp_path / str(number), workers=1)
        names.add(LimitTable.open(tmp_path / str(number)).rates(1).bucket("limits/fair", "me", PERIOD).fingerprint)
    assert len(names) == 3


def test_another_limit_or_another_key_is_another_bucket(table):
    column = table.rates(1)
    keys = [("a", "b"), ("a", "c"), ("c", "b"), ("ab", ""), ("", "ab")]
    assert len({column.bucket(*each, PERIOD).fingerprint for each in keys}) == len(keys)


def test_a_file_of_another_layout_is_refused(tmp_path):
    (tmp_path / "limits").write_bytes(bytes(8192))
    with pytest.raises(ValueError, match="no table of limits"):
        LimitTable.open(tmp_path / "limits")


def test_the_memory_is_there_from_the_start(path):
    found = path.stat()
    assert found.st_blocks * 512 >= found.st_size
    assert found.st_size < 3 * 1024 * 1024 * (WORKERS + 1)
    assert stat.S_ISREG(found.st_mode)


class Crowd:
    """Buckets of one set, as many as wanted."""

    def __init__(self, column, sets):
        self.column = column
        self._sets = sets
        self._next = 0

    def bucket(self, *, lasting=False):
        self._next += 1
        return self.column.named(self._next * self._sets + (1 << 63 if lasting else 0), PERIOD)


def use(column, bucket, now, count=1):
    column.push(bucket, now, count)
    return bucket


def test_a_full_set_forgets_who_is_nearest_to_empty_and_counts_it(table):
    column = table.rates(1)
    crowd = Crowd(column, RATE_SETS)
    full = [use(column, crowd.bucket(), START, 10 + place) for place in range(WAYS)]
    newcomer = use(column, crowd.bucket(), START)
    assert [column.read(bucket) > START for bucket in full] == [False, *[True] * (WAYS - 1)]
    assert column.read(newcomer) == START + PERIOD
    assert (column.evicted, column.taken) == (1, WAYS)


def test_who_is_empty_makes_room_without_loss(table):
    column = table.rates(1)
    crowd = Crowd(column, RATE_SETS)
    for _ in range(WAYS):
        use(column, crowd.bucket(), START, 10)
    for _ in range(WAYS):
        use(column, crowd.bucket(), START + 100 * PERIOD)
    assert (column.evicted, column.taken) == (0, WAYS)


def test_the_bucket_of_all_callers_is_never_forgotten_for_one_of_them(table):
    column = table.rates(1)
    crowd = Crowd(column, RATE_SETS)
    lasting = use(column, crowd.bucket(lasting=True), START)
    for _ in range(10 * WAYS):
        use(column, crowd.bucket(), START, 1000)
    assert column.read(lasting) == START + PERIOD


def test_a_quota_used_up_for_long_takes_no_place_of_who_is_needed_for_less(table):
    column = table.rates(0)
    crowd = Crowd(column, RATE_SETS)
    lasting = use(column, crowd.bucket(lasting=True), START)
    for _ in range(WAYS):
        column.block(crowd.bucket(), START, START + 1000 * PERIOD)
    assert column.read(lasting) == START + PERIOD


def test_a_bucket_that_finds_no_room_is_admitted_and_counted(table):
    column = table.rates(1)
    crowd = Crowd(column, RATE_SETS)
    for _ in range(WAYS):
        use(column, crowd.bucket(lasting=True), START)
    newcomer = use(column, crowd.bucket(), START)
    assert column.read(newcomer) < START
    assert column.evicted == 1


def test_a_cell_given_up_for_another_is_not_written_any_more(table):
    """Two limits of one request may fall into one set: taking one may cost the other its cell."""
    column = table.rates(1)
    crowd = Crowd(column, RATE_SETS)
    first = use(column, crowd.bucket(), START)
    for _ in range(WAYS - 1):
        use(column, crowd.bucket(), START, 100)
    second = crowd.bucket()
    column.read(first)
    column.read(second)
    column.take(second, START)  # takes the place of the first
    column.take(first, START)
    assert column.read(first) == START + PERIOD
    assert {column.read(each) for each in (first, second)} >= {START + PERIOD}


def test_a_flood_of_keys_takes_no_more_memory_than_the_table_has(table):
    column = table.rates(1)
    capacity = RATE_SETS * WAYS
    for number in range(capacity * 2):
        column.push(column.bucket("limits/fair", f"10.0.{number}", PERIOD), START, 100)
    assert column.taken <= capacity
    assert column.evicted >= capacity


def test_a_sweep_gives_up_what_is_empty_and_nothing_else(table):
    column = table.rates(1)
    kept = use(column, column.bucket("limits/fair", "busy", PERIOD), START, 100)
    for number in range(50):
        use(column, column.bucket("limits/fair", str(number), PERIOD), START)
    column.sweep(START + 20 * PERIOD, RATE_SETS)
    assert column.taken == 1
    assert column.read(kept) == START + 100 * PERIOD
    assert column.evicted == 0


def test_requests_under_way_are_counted_over_all_workers(table):
    first, second = table.counts(1), table.counts(2)
    mine, theirs = first.bucket("limits/few", "me", 0), second.bucket("limits/few", "me", 0)
    for column, bucket in ((first, mine), (second, theirs), (second, theirs)):
        column.read(bucket)
        assert column.take(bucket)
    first.read(mine)
    assert mine.used == 3
    second.give_back(theirs)
    first.read(mine)
    assert mine.used == 2


def test_a_successor_has_nothing_under_way_and_others_keep_what_they_have(path):
    columns = [LimitTable.open(path).counts(number) for number in (1, 2)]
    for column in columns:
        bucket = column.bucket("limits/few", "me", 0)
        column.read(bucket)
        column.take(bucket)
    successor = LimitTable.open(path).counts(1)
    bucket = successor.bucket("limits/few", "me", 0)
    successor.read(bucket)
    assert bucket.used == 1
    assert successor.taken == 0


def test_a_request_under_way_is_never_forgotten_for_another(table):
    column = table.counts(1)
    crowd = Crowd(column, COUNT_SETS)
    taken = []
    for _ in range(WAYS + 1):
        bucket = crowd.bucket()
        column.read(bucket)
        taken.append(column.take(bucket))
    assert taken == [*[True] * WAYS, False]
    assert column.evicted == 1


def test_who_has_nothing_under_way_makes_room(table):
    column = table.counts(1)
    crowd = Crowd(column, COUNT_SETS)
    for _ in range(3 * WAYS):
        bucket = crowd.bucket()
        column.read(bucket)
        assert column.take(bucket)
        column.give_back(bucket)
    assert column.evicted == 0
    column.sweep(0, COUNT_SETS)
    assert column.taken == 0
