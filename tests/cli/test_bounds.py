"""`varinf bounds`: what a file says is what its array says, in bounded memory, and bad files end in one line."""

import io
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import varinf as vi
from varinf.__main__ import main
from varinf.cli.bounds import read_file


def weights(*shape, seed=0):
    return np.random.default_rng(seed).normal(-31, 1, size=shape)


def assert_same(got, want):
    np.testing.assert_allclose(got.value, want.value, rtol=1e-12, atol=1e-13)
    # Of merged moments the relative variance is right to the rounding of log mean w.
    np.testing.assert_allclose(got.stderr**2, want.stderr**2, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(got.k_hat, want.k_hat)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stored")


@settings(max_examples=100, deadline=None)
@given(
    shape=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    fortran=st.booleans(),
    dtype=st.sampled_from(["<f8", ">f8", "<f4", ">f4", "<i4", "i1"]),
    chunk=st.sampled_from([1, 50, 333, 10_000]),
    packed=st.sampled_from(["npy", "npz", "compressed"]),
    k=st.sampled_from([None, 1]),
    data=st.data(),
)
def test_every_layout_is_read_as_its_array(folder, shape, fortran, dtype, chunk, packed, k, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = (weights(*shape) if dtype[-2] == "f" else np.round(weights(*shape))).astype(dtype)
    x = np.asfortranarray(x) if fortran else x
    path = folder / ("x.npy" if packed == "npy" else "x.npz")
    {"npy": np.save, "npz": lambda p, x: np.savez(p, x=x), "compressed": lambda p, x: np.savez_compressed(p, x=x)}[
        packed
    ](path, x)
    _, reading = read_file(path, axis, k, None, chunk)
    x = np.moveaxis(x.astype(float), axis, 0)
    x = x.reshape(-1) if x.size == len(x) else x  # one datum is a number
    assert_same(reading.elbo(), vi.elbo(x))
    assert_same(reading.iwelbo(), vi.iwelbo(x))
    if k:
        np.testing.assert_allclose(reading.iwelbo(k).value, vi.elbo(x).value, rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 300, 100_000])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_text_is_read_as_its_table(tmp_path, axis, chunk):
    x = weights(70, 9)
    x[3, 4] = -np.inf
    np.savetxt(tmp_path / "x.csv", x, delimiter=",")
    _, reading = read_file(tmp_path / "x.csv", axis, None, None, chunk)
    want = np.loadtxt(tmp_path / "x.csv", delimiter=",")
    assert_same(reading.elbo(), vi.elbo(want, axis=axis))
    assert_same(reading.iwelbo(), vi.iwelbo(want, axis=axis))


@pytest.mark.parametrize("text", ["0\n-1\n", "0.0,1\n-1,-2\n", "a,b\n0,1\n-1,-2\n", "-1,-2\n0,1\n"])
def test_numbers_that_do_not_count_columns_are_draws(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    assert read_file(tmp_path / "x.csv")[1].moments().draws == 2


HEADINGS = {
    "names": ("a,b\n", ", heading on line 1 skipped"),
    "comment": ("# a,b\n", ""),
    "comment and names": ("# made by x\n\n a, b\n", ", heading on line 3 skipped"),
    "byte order mark": ("\ufeffa,b\n", ", heading on line 1 skipped"),
    "none": ("", ""),
}


@pytest.mark.parametrize("name", HEADINGS)
def test_headings_are_skipped_and_said(tmp_path, name):
    heading, note = HEADINGS[name]
    (tmp_path / "x.csv").write_text(heading + '-1.0, -2.0\n\n"-3.0",-4.0\r\n-inf,1e-3\n', encoding="utf-8")
    about, reading = read_file(tmp_path / "x.csv")
    assert about == f"text, 2 columns, draws on axis 0{note}"
    assert_same(reading.elbo(), vi.elbo([[-1, -2], [-3, -4], [-np.inf, 1e-3]]))


def test_groups_fill_the_draws(tmp_path, capsys):
    np.save(tmp_path / "x.npy", weights(105))
    for k, nearest in [("10", 7), ("34", 21), ("106", 105)]:
        assert main(["bounds", str(tmp_path / "x.npy"), "--k", k]) == 2
        text = f"--k {k}: it does not divide the file's 105 draws: use a divisor, such as {nearest}\n"
        assert capsys.readouterr().err.endswith(text)
        assert main(["bounds", str(tmp_path / "x.npy"), "--k", str(nearest)]) == 0
        assert f"IWELBO_{nearest}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.csv"])
def test_groups_that_cannot_be_are_refused_before_the_file_is_read(tmp_path, capsys, monkeypatch, name):
    x = weights(10_007, 1)  # a prime
    {"x.npy": np.save, "x.npz": lambda path, x: np.savez(path, x=x), "x.csv": np.savetxt}[name](tmp_path / name, x)
    if name != "x.csv":  # whose lines are counted as they are read
        monkeypatch.setattr("varinf.evidence.streaming.LogWeights.update", None)
    assert main(["bounds", str(tmp_path / name), "--k", "50"]) == 2
    text = "--k 50: it does not divide the file's 10,007 draws: leave 7 of them out of the file\n"
    assert capsys.readouterr().err.endswith(text)


def test_memory_that_runs_out_is_not_the_files_fault(capsys, monkeypatch):
    def read(*arguments):
        raise MemoryError("Unable to allocate 8 EiB")

    monkeypatch.setattr("varinf.cli.bounds.read_file", read)
    assert main(["bounds", "x.npy"]) == 2
    assert capsys.readouterr().err == "varinf bounds: error: memory ran out: give smaller parts\n"


@pytest.mark.parametrize("shape", [(1000,), (1000, 1), (1000, 7), (100, 3, 4)])
def test_the_table_fits_80_columns(tmp_path, capsys, monkeypatch, shape):
    monkeypatch.chdir(tmp_path)
    np.save("weights.npy", weights(*shape) * 3)
    assert main(["bounds", "weights.npy", "--k", "50"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    assert out.startswith(f"weights.npy: float64 of shape {shape}, draws on axis 0\n")


def test_many_dimensions_and_a_long_path_wrap(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = "a folder of log weights with a long name.npy"
    np.save(path, weights(30, *[2] * 12))
    assert main(["bounds", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert f"{path}: float64 of shape (30, 2, 2, 2, " in " ".join(lines)
    assert [line.split()[0] for line in lines if "worst" in line] == ["k_hat"]


def test_json(tmp_path, capsys):
    x = weights(100, 2, 3)
    np.savez(tmp_path / "x.npz", x=np.asfortranarray(x), y=x[:5])
    assert main(["bounds", str(tmp_path / "x.npz"), "--key", "x", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shape"] == [2, 3]
    np.testing.assert_allclose(found["estimates"]["elbo"]["value"], vi.elbo(x).value)
    np.testing.assert_allclose(found["k_hat"], vi.psis(x).k_hat)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_terminal_can_show_it(tmp_path, encoding):
    np.save(tmp_path / "x.npy", weights(100))
    ran = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "varinf", "bounds", str(tmp_path / "x.npy")],
        env={"PYTHONIOENCODING": encoding},
        cwd=vi.__path__[0] + "/..",
        capture_output=True,
        check=True,
    )
    text = ran.stdout.decode(encoding)
    assert ("+/-" if encoding == "ascii" else "±") in text


# Memory --------------------------------------------------------------------------------------------------------------


def sparse(path, dtype, shape, fortran=False):
    """An array of zeros that takes no room on the disk."""
    with open(path, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": fortran, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize)


# The process's own high-water mark: getrusage, on Linux, begins with that of whoever started it.
MEASURE = """
import sys
from varinf.__main__ import main
assert main(["bounds", *sys.argv[1:]]) == 0
try:
    status = open("/proc/self/status").read()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
except OSError:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def megabytes(*arguments):
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, arguments)],
        cwd=vi.__path__[0] + "/..",
        capture_output=True,
        text=True,
        check=True,
    )
    return float(ran.stdout.split()[-1])


def test_memory_stays_small_quickly(tmp_path):
    sparse(tmp_path / "x.npy", "f8", (16_000, 2_000))  # 256 MB
    assert megabytes(tmp_path / "x.npy") < 150


@pytest.mark.parametrize(("draws", "data"), [(10, 400_000), (100, 100_000)])
def test_memory_is_what_the_help_promises(tmp_path, draws, data):
    sparse(tmp_path / "one.npy", "f8", (draws, 1))
    sparse(tmp_path / "x.npy", "f8", (draws, data))
    used = megabytes(tmp_path / "x.npy") - megabytes(tmp_path / "one.npy")
    promised = (8 * 2**20 + data * (200 + 36 * draws**0.5)) / 2**20
    assert used < 1.25 * promised  # "about"


def test_text_without_line_breaks_is_not_read_to_its_end(tmp_path, capsys):
    for first, text in [(b"", "a NUL character on line 1"), (b"1," * 2**23, "line 1 is longer than 16,777,216")]:
        with open(tmp_path / "x.dat", "wb") as file:
            file.write(first + b"1,")
            file.truncate(2**31)
        tracemalloc.start()
        assert main(["bounds", str(tmp_path / "x.dat")]) == 2
        assert tracemalloc.get_traced_memory()[1] < 150 * 2**20
        tracemalloc.stop()
        assert text in capsys.readouterr().err


def test_long_lines_after_a_short_one_are_read_few_at_a_time(tmp_path, capsys):
    (tmp_path / "x.csv").write_text("1\n" + ("1" * 10**6 + "\n") * 64)
    tracemalloc.start()
    assert main(["bounds", str(tmp_path / "x.csv"), "--chunk-mb", "1"]) == 2
    assert tracemalloc.get_traced_memory()[1] < 30 * 2**20
    tracemalloc.stop()
    assert "inf at draw 1" in capsys.readouterr().err


@pytest.mark.slow  # reads 4 GB, half a minute each
@pytest.mark.parametrize(
    ("dtype", "shape", "axis", "fortran"),
    [
        ("f8", (25_000, 20_000), 0, False),
        ("f4", (50_000, 20_000), 0, False),
        ("f4", (20_000, 50_000), 1, False),
        ("f4", (50_000, 20_000), 0, True),
        ("f4", (100, 50_000, 200), 1, False),
        ("f8", (500_000_000,), 0, False),
    ],
)
def test_four_gigabytes_within_300_megabytes(tmp_path, dtype, shape, axis, fortran):
    sparse(tmp_path / "x.npy", dtype, shape, fortran)
    assert megabytes(tmp_path / "x.npy", "--axis", axis) < 300


# Bad input -----------------------------------------------------------------------------------------------------------


def npy(x):
    file = io.BytesIO()
    np.save(file, x, allow_pickle=True)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def with_at(x, value, *index):
    x = x.copy()
    x[index] = value
    return x


def spoilt_archive():
    """One byte of the array's data is wrong, which the check sum sees."""
    data = bytearray(npz(x=np.zeros(1000)))
    data[4000] ^= 1
    return bytes(data)


def claiming(shape, descr="<f8"):
    """A header of an array that is not there."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def with_flag(flag):
    """An archive whose only entry claims the flag, in its local header and in the directory."""
    data = bytearray(npz(x=np.zeros(3)))
    directory = data.index(b"PK\x01\x02")
    data[6] |= flag
    data[directory + 8] |= flag
    return bytes(data)


def with_method(method):
    data = bytearray(npz(x=np.zeros(3)))
    directory = data.index(b"PK\x01\x02")
    data[8] = data[directory + 10] = method
    return bytes(data)


def other_archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "no arrays here")
    return file.getvalue()


BAD = {
    "empty npy": ("x.npy", b"", [], "does not begin as a .npy file"),
    "text called npy": ("x.npy", b"1,2,3\n", [], "does not begin as a .npy file"),
    "text called npz": ("x.npz", b"1,2,3\n", [], "does not begin as a .npz file"),
    "pickle called npy": ("x.npy", pickle.dumps([1.0]), [], "does not begin as a .npy file"),
    "cut npy": ("x.npy", npy(weights(100))[:-8], [], "cut short"),
    "cut header": ("x.npy", npy(weights(100))[:30], [], "FILE"),
    "claims too much": ("x.npy", claiming((10**15, 10**3)), [], "cut short"),
    "negative shape": ("x.npy", claiming((-3,)), [], "header is damaged (shape (-3,)): write it again"),
    "shape of truth": ("x.npy", claiming((True,)), [], "header is damaged (shape (True,)): write it again"),
    "claims no end": ("x.npy", claiming((10**400,)), [], "cut short"),
    "arrays in arrays": ("x.npy", claiming((3,), ("<f8", (3,))), [], "store plain numbers"),
    "unknown version": ("x.npy", b"\x93NUMPY\x09\x00" + bytes(100), [], "(9, 0)"),
    "objects": ("x.npy", npy(np.array([None, 1.0], dtype=object)), [], "never unpickled"),
    "complex": ("x.npy", npy(np.zeros(3, complex)), [], "complex128"),
    "half": ("x.npy", npy(np.zeros(3, np.float16)), [], "float16"),
    "long double": ("x.npy", npy(np.zeros(3, np.longdouble)), [], "longdouble|float128"),
    "words": ("x.npy", npy(np.array(["a"])), [], "dtype"),
    "records": ("x.npy", npy(np.zeros(3, [("a", float)])), [], "store plain numbers"),
    "number": ("x.npy", npy(np.float64(3)), [], "axis of draws"),
    "no draws": ("x.npy", npy(np.zeros((0, 3))), [], "(0, 3): there is nothing"),
    "no data": ("x.npy", npy(np.zeros((3, 0))), [], "(3, 0): there is nothing"),
    "nan": ("x.npy", npy(with_at(weights(100, 4), np.nan, 70, 2)), [], "nan at draw 70 of datum 2"),
    "+inf": ("x.npy", npy(with_at(weights(100), np.inf, 70)), [], "inf at draw 70 (counted"),
    "nan on axis 1": ("x.npy", npy(with_at(weights(4, 100), np.nan, 2, 70)), ["--axis=1"], "draw 70 of datum 2"),
    "nan in the middle": (
        "x.npy",
        npy(with_at(weights(4, 100, 5), np.nan, 2, 70, 3)),
        ["--axis", "1"],
        "draw 70 of datum (2, 3)",
    ),
    "nan in Fortran order": (
        "x.npy",
        npy(np.asfortranarray(with_at(weights(4, 100, 5), np.nan, 2, 70, 3))),
        ["--axis=-2"],
        "draw 70 of datum (2, 3)",
    ),
    "axis": ("x.npy", npy(weights(100)), ["--axis=1"], "--axis 1: the array has 1 dimension: use an axis from -1 to 0"),
    "key of npy": ("x.npy", npy(weights(100)), ["--key=x"], "leave --key out"),
    "k too large": (
        "x.npy",
        npy(weights(100)),
        ["--k=101"],
        "--k 101: it does not divide the file's 100 draws: use a divisor, such as 100",
    ),
    "which key": ("x.npz", npz(a=weights(3), b=weights(3)), [], "(a, b): choose one with --key"),
    "wrong key": ("x.npz", npz(a=weights(3)), ["--key=b"], "holds a"),
    "no arrays": ("x.npz", other_archive(), [], "holds no arrays (no names that end in .npy): write it by numpy.savez"),
    "key of no arrays": ("x.npz", other_archive(), ["--key=x"], "holds no arrays"),
    "encrypted": ("x.npz", with_flag(1), [], "x.npy is encrypted: write the archive without a password"),
    "strongly encrypted": ("x.npz", with_flag(1 << 6), [], "write it by numpy.savez"),
    "unknown packing": ("x.npz", with_method(97), [], "compression method is not supported"),
    "cut npz": ("x.npz", npz(a=weights(1000))[:-30], [], "damaged"),
    "spoilt npz": ("x.npz", spoilt_archive(), [], "damaged"),
    "objects in npz": ("x.npz", npz(a=np.array([None])), [], "never unpickled"),
    "empty csv": ("x.csv", b"", [], "no comma-separated numbers"),
    "words csv": ("x.csv", b"hello\nworld\n", [], "no comma-separated numbers"),
    "binary csv": ("x.csv", b"1.0\n\xff\xfe\x00\n", [], "neither .npy, .npz nor text"),
    "binary far down in csv": ("x.csv", b"1.0\n" * 300_000 + "2é".encode()[:-1], [], "at byte 1,200,001"),
    "zeros called csv": ("x.dat", bytes(100), [], "nor text (a NUL character on line 1): write"),
    "zeros in csv": ("x.csv", b"1.0\n2.0\n3\0\n", [], "nor text (a NUL character on line 3): write"),
    "column numbers in csv": ("x.csv", b"# made\n0,1,2\n-1,-2,-3\n", [], "line 2 counts the columns, as pandas does"),
    "both numbers in csv": ("x.csv", b",0,1\n0,-1,-2\n", [], "(pandas: header=False, index=False)"),
    "ragged csv": ("x.csv", b"1,2\n3,4\n\n5\n", [], "line 4 has 1 values where the first has 2"),
    "row numbers in csv": ("x.csv", b",a,b\n0,-1.5,-2\n1,-1,-3\n", [], "the first column has no name while others do"),
    "word in csv": ("x.csv", b"a,b\n1,2\n3,x\n", [], "line 3, column 1: 'x' is not a number"),
    "hole in csv": ("x.csv", b"1,2\n3,\n", [], "line 2, column 1: '' is not a number"),
    "underscore in csv": ("x.csv", b"1,2\n3,1_0\n", [], "line 2, column 1"),
    "nan in csv": ("x.csv", b"1,2\n3,nan\n", [], "nan at draw 1 of datum 1"),
    "nan in csv on axis 1": ("x.csv", b"1,2\n3,nan\n", ["--axis=1"], "nan at draw 1 of datum 1"),
    "axis of csv": ("x.csv", b"1,2\n", ["--axis=2"], "--axis 2: the table has 2 dimensions: use an axis from -2 to 1"),
    "missing": ("", None, [], "No such file"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", BAD)
def test_bad_files_end_in_one_line(tmp_path, capsys, name):
    file, content, options, text = BAD[name]
    path = tmp_path / (file or "missing.npy")
    if content is not None:
        path.write_bytes(content)
    assert main(["bounds", str(path), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("varinf bounds: error: ")
    assert any(part in err for part in text.split("|")), err


@pytest.mark.parametrize(
    "options",
    [["--k", "0"], ["--k", "2.5"], ["--axis", "x"], ["--chunk-mb", "-1"], ["--chunk-mb", "9" * 20], ["--what"]],
)
def test_bad_options_end_in_one_line(capsys, options):
    with pytest.raises(SystemExit) as ended:
        main(["bounds", "x.npy", *options])
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert options[0] in err


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_random_damage_never_ends_in_a_traceback(tmp_path, capsys, name):
    x = weights(50, 2)
    whole = npy(x) if name == "x.npy" else npz(x=x)
    rng = np.random.default_rng(0)
    for _ in range(200):
        spoilt = bytearray(whole)
        for i in rng.integers(0, min(len(whole), 400) if rng.random() < 0.5 else len(whole), size=2):
            spoilt[i] = rng.integers(256)
        (tmp_path / name).write_bytes(spoilt)
        assert main(["bounds", str(tmp_path / name)]) in (0, 2)
    capsys.readouterr()


def test_a_directory_is_refused(tmp_path, capsys):
    assert main(["bounds", str(tmp_path)]) == 2
    assert "give the path of a readable file" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path, capsys):
    os.mkfifo(tmp_path / "x.npy")
    assert main(["bounds", str(tmp_path / "x.npy")]) == 2
    assert "a regular file is needed" in capsys.readouterr().err
