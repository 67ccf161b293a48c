from gateway.serve.claim import claim
from gateway.store.rundir import RunDir


def test_who_takes_the_lock_while_the_directory_is_being_removed_has_a_whole_one(tmp_path):
    run = RunDir(tmp_path)
    claim(run)
    assert run.holder()
    assert run.new_build()
