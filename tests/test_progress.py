import io
import sys

from varinf._progress import progress_bar, reporter


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch):
    """To be called in the test itself: pytest puts its own stderr in place after the fixtures."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as if it were not installed
    return stream


def test_a_function_is_told_everything():
    seen = []
    with reporter(lambda done, total: seen.append((done, total)), 2) as done:
        done(1)
        done(2)
    assert seen == [(1, 2), (2, 2)]


def test_silence_where_there_is_no_terminal(monkeypatch):
    stream = io.StringIO()
    for progress, stderr in [(True, stream), (False, Terminal()), (True, None)]:
        monkeypatch.setattr(sys, "stderr", stderr)
        with reporter(progress, 2) as done:
            done(1)
    assert stream.getvalue() == ""


def test_a_plain_count_that_wipes_itself(monkeypatch):
    stream = terminal(monkeypatch)
    with reporter(True, 12, "tour") as done:
        done(3)
        assert stream.getvalue().endswith("\rtour 3/12")
    assert stream.getvalue().endswith("\r" + " " * len("tour 3/12") + "\r")


def test_a_bar_counts_items_whose_turn_is_over(monkeypatch):
    stream = terminal(monkeypatch)
    states = [(item, stream.getvalue().rsplit("\r", 1)[1].strip()) for item in progress_bar("abc", "tour")]
    assert states == [("a", "tour 0/3"), ("b", "tour 1/3"), ("c", "tour 2/3")]


def test_tqdm_where_it_is_installed(monkeypatch):
    made = []

    class Bar:
        n = 0

        def __init__(self, **how):
            made.append(how)

        def update(self, more):
            self.n += more

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            made.append(self.n)

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "tqdm", type("tqdm", (), {"tqdm": Bar}))
    with reporter(True, 5, "tour") as done:
        done(2)
        done(5)
    assert made[0]["total"] == 5
    assert made[1] == 5


def test_a_note_stands_behind_the_count(monkeypatch):
    stream = terminal(monkeypatch)
    with reporter(True, 12, "fit") as done:
        done(3, "ELBO -31.5 ± 0.1")
        assert stream.getvalue().endswith("\rfit 3/12 ELBO -31.5 ± 0.1")
        done(4, "ELBO -31")
        assert stream.getvalue().endswith("\rfit 4/12 ELBO -31" + " " * 8)


def test_fits_show_their_bound_as_they_run(monkeypatch):
    import numpy as np

    import varinf as vi

    target = vi.Target(lambda z: -np.sum(z * z, axis=1) / 2, 2, gradient=lambda z: -z)
    for options in ({}, {"method": "stochastic", "max_steps": 1500}):
        stream = terminal(monkeypatch)
        vi.fit(target, rng=0, progress=True, **options)
        assert "ELBO over 32 fixed draws 1.84" in stream.getvalue() or "objective 1.84 ± " in stream.getvalue()
