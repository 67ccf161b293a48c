import pytest

from bench.load import parse_wrk

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


def test_wrk_is_read_from_the_exact_line_its_script_prints() -> None:
    load = parse_wrk(WRK)
    assert (load.requests, load.failed) == (92_792, 3)
    assert load.requests / load.seconds == pytest.approx(46_316.78, rel=1e-4)
    assert load.p99_seconds == 0.002178
