import pytest

from bench.load import parse_h2load, parse_h2load_log, parse_wrk

WRK = """Running 2s test @ http://127.0.0.1:18181/roll/6
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.05ms  287.89us   4.31ms   70.79%
    Req/Sec    46.59k     5.85k   57.58k    60.00%
  92792 requests in 2.00s, 15.04MB read
Requests/sec:  46316.78
Transfer/sec:      7.51MB
{"requests":92792,"seconds":2.003421,"received_bytes":15772712,"failed":3,"p50_seconds":0.001048,"p99_seconds":0.002178}
"""

H2LOAD = """starting benchmark...
spawning thread #0: 64 total client(s). Timing-based test with 0s of warm-up time and 2s of main duration for measurements.
Warm-up started for thread #0.
Main benchmark duration is started for thread #0.
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 2.00s, 46316.00 req/s, 7.51MB/s
requests: 92632 total, 92696 started, 92632 done, 92600 succeeded, 32 failed, 5 errored, 2 timeout
status codes: 92600 2xx, 0 3xx, 0 4xx, 27 5xx
traffic: 15.02MB (15750000) total, 11.04MB (11577000) headers (space savings 0.00%), 1.75MB (1835000) data
                     min         max         mean         sd        +/- sd
time for request:      105us      4.31ms      1.05ms       288us    70.79%
time for connect:        0us         0us         0us         0us     0.00%
time to 1st byte:        0us         0us         0us         0us     0.00%
req/s           :     700.00      740.00      723.66        8.88    64.06%
"""


def test_wrk_is_read_from_the_exact_line_its_script_prints() -> None:
    load = parse_wrk(WRK)
    assert (load.requests, load.failed) == (92_792, 3)
    assert load.requests / load.seconds == pytest.approx(46_316.78, rel=1e-4)
    assert load.p99_seconds == 0.002178


def test_h2load_counts_as_failed_only_what_had_no_answer() -> None:
    offered = parse_h2load(H2LOAD)
    assert (offered.requests, offered.failed, offered.seconds) == (92_632, 7, 2.0)


@pytest.mark.parametrize(
    ("finished", "seconds"),
    [
        pytest.param("800.50ms", 0.8005, id="milliseconds"),
        pytest.param("12.3s", 12.3, id="seconds"),
        pytest.param("1.50m", 90.0, id="minutes"),
    ],
)
def test_h2load_writes_its_duration_in_the_unit_that_fits(finished: str, seconds: float) -> None:
    assert parse_h2load(H2LOAD.replace("in 2.00s", f"in {finished}")).seconds == pytest.approx(seconds)


def test_h2load_that_broke_off_is_no_result() -> None:
    with pytest.raises(ValueError, match="no summary"):
        parse_h2load("starting benchmark...\nclient could not connect to host\n")


def test_h2load_log_is_sorted_by_status_in_seconds() -> None:
    log = (
        "1700000000000000\t200\t1500\n1700000000000100\t503\t90\n1700000000000200\t200\t2500\n1700000000000300\t-1\t5\n"
    )
    assert parse_h2load_log(log) == {200: [0.0015, 0.0025], 503: [0.00009], -1: [0.000005]}
