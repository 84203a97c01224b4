# The trusted side of a call with typed values: what it passes, and whether what comes back is right. Continues oracle.py.


class Malformed(BaseException):
    """The test is at fault."""


def run_call(source):
    """Calls one function as a JSON object says, and writes a report like `run_test`."""
    return write_report(source, call_and_compare)


def call_and_compare(text, report, clients):
    spec = json.loads(text)
    try:
        arguments = json.loads(spec["arguments"])
        accepted = [json.loads(answer) for answer in spec["expected"]]
        if type(arguments) is not list:
            raise ValueError("the arguments are no array")
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{type(error).__name__}: {error}") from None
    if spec["harness"] == "apps" and arguments and type(arguments[0]) is dict and integer_keys(arguments[0]):
        arguments = [with_integer_keys(arguments[0])]
    client = Client(text)
    clients.append(client)
    returned = callee(client, spec["function"])(*arguments)
    client.last = (returned,)
    report["actual"] = bounded_repr(returned)
    reasons = [judged(returned, answer, spec["harness"], spec["tolerance"]) for answer in accepted]
    if None not in reasons:
        reason = reasons[0] if reasons else "the test accepts no answer"
        report.update(status="failed", message=reason[:MAX_TEXT])


def judged(found, expected, harness, tolerance):
    """Why a returned value is not this answer; `None` when it is."""
    if harness is None:
        return difference(found, expected, tolerance)
    alike = like_apps if harness == "apps" else like_livecodebench
    if alike(found, expected):
        return None
    return difference(found, expected, None) or "the harness tells tuples from lists"


def callee(client, name):
    """The method of the program's class `Solution`, where it has one, or its function."""
    names = names_of(client, ["Solution", name])
    if "callable" in names.get("Solution", ()):
        solution = client.call("Solution", [], {})
        if type(solution) is Remote:
            try:
                return getattr(solution, name)
            except AttributeError:
                client.error = None
    if "callable" not in names.get(name, ()):
        raise NameError(f"name {name!r} is not defined")
    return stand_in(client, name)


def difference(found, expected, tolerance, path=""):
    """Where a value first differs from a JSON value, in words; `None` where it does not.

    Tuples are lists. Integers are exact, and equal a float only when they are the same number or within the tolerance.
    Keys are compared as the texts that JSON makes of them.
    """
    kind, wanted = type(found), type(expected)
    if wanted is list and kind in (list, tuple):
        if len(found) != len(expected):
            return f"{where(path)}expected {len(expected)} elements, found {len(found)}"
        pairs = zip(range(len(expected)), found, expected)
        steps = ((f"{path}[{index}]", left, right) for index, left, right in pairs)
    elif wanted is dict and kind is dict:
        ours = {key_text(key): value for key, value in found.items()}
        if len(ours) != len(found) or ours.keys() != expected.keys():
            return f"{where(path)}expected the keys {brief(sorted(expected))}, found {brief(list(found))}"
        steps = ((f"{path}[{brief(key)}]", ours[key], right) for key, right in expected.items())
    else:
        numbers = kind in (int, float) and wanted in (int, float)
        same = close(found, expected, tolerance) if numbers else kind is wanted and found == expected
        return None if same else f"{where(path)}expected {brief(expected)}, found {brief(found)}"
    for step, left, right in steps:
        reason = difference(left, right, tolerance, step)
        if reason is not None:
            return reason
    return None


def close(found, expected, tolerance):
    if found == expected:
        return True
    if tolerance is None or type(found) is type(expected) is int:
        return False
    try:
        gap, size = abs(found - expected), max(abs(found), abs(expected))
        rounding = 4 * sys.float_info.epsilon * size if tolerance > 0 else 0
        return gap <= max(tolerance, tolerance * abs(expected)) + rounding < math.inf
    except OverflowError:
        return False


def key_text(key):
    """What `json.dumps` makes of a key; anything that it refuses stays as it is."""
    if key is None or type(key) is bool or type(key) is float or type(key) is int:
        return json.dumps(key)
    return key


def where(path):
    return f"at {path}: " if path else ""


def brief(value):
    text = " ".join(bounded_repr(value).split())
    return text if len(text) <= 80 else text[:80] + "..."


# How two published harnesses compare, with Python's `==`, to which `True` is 1 and a tuple inside is no list.


def integer_keys(value):
    try:
        return all(int(key) is not None for key in value)
    except ValueError:
        return False


def with_integer_keys(value):
    return {int(key): item for key, item in value.items()}


def like_apps(found, expected):
    """APPS keeps each answer in a list of one, and takes the list itself for an answer too."""
    if type(expected) is dict and integer_keys(expected):
        expected = with_integer_keys(expected)
    first_is_tuple = type(found) in (list, tuple) and len(found) > 0 and type(found[0]) is tuple
    if type(found) is tuple:
        found = list(found)
    if found == expected or found == [expected]:
        return True
    try:
        return first_is_tuple and [list(item) for item in found] == expected
    except TypeError:
        return False


def like_livecodebench(found, expected):
    return (list(found) if type(found) is tuple else found) == expected
