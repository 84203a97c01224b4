-- Times are microseconds since 1970 (UTC); durations are nanoseconds.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    command TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_started_at INTEGER NOT NULL,
    n_starts INTEGER NOT NULL DEFAULT 1,
    -- Sums over `uses` and `outcomes`, kept with them so that a listing reads one row per run.
    n_asks INTEGER NOT NULL DEFAULT 0,
    n_judgings INTEGER NOT NULL DEFAULT 0,
    n_reused INTEGER NOT NULL DEFAULT 0,
    n_outcomes INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    cost REAL
);

CREATE TABLE processes (
    id INTEGER PRIMARY KEY,
    boot TEXT NOT NULL,
    pid_namespace TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    UNIQUE (boot, pid_namespace, pid, start_ticks)
);

-- Each distinct text once. `codec` 0 is plain, 1 is zlib; `size` is the length of the plain text in bytes.
CREATE TABLE texts (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    codec INTEGER NOT NULL,
    size INTEGER NOT NULL,
    data BLOB NOT NULL
);

-- `kind` is 'ask' or 'judge'. `body` is JSON in which long texts are ids of `texts`.
CREATE TABLE questions (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE replies (
    question INTEGER PRIMARY KEY REFERENCES questions (id),
    text INTEGER NOT NULL REFERENCES texts (id),
    finish TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    cost REAL
);

CREATE TABLE judgings (
    question INTEGER PRIMARY KEY REFERENCES questions (id),
    verdict TEXT NOT NULL,
    n_cases INTEGER NOT NULL,
    n_passed INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    body INTEGER NOT NULL REFERENCES texts (id)
);

-- Committed before a call is sent. `ended` is 'ok', 'late' (another answer was first), 'error' or 'cancelled'.
-- `repeats` names an earlier attempt at the same question that may have been paid for and left no answer.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    question INTEGER NOT NULL REFERENCES questions (id),
    run INTEGER NOT NULL REFERENCES runs (id),
    problem TEXT NOT NULL,
    process INTEGER NOT NULL REFERENCES processes (id),
    started_at INTEGER NOT NULL,
    repeats INTEGER REFERENCES attempts (id),
    ended TEXT,
    ended_at INTEGER,
    detail TEXT
);
CREATE INDEX attempts_by_run ON attempts (run);
CREATE INDEX attempts_unsure ON attempts (question) WHERE ended IS NULL OR ended = 'cancelled';
CREATE INDEX attempts_repeating ON attempts (repeats) WHERE repeats IS NOT NULL;

-- Which answers a run rests on, its own and those that it found recorded (`fresh` 0).
CREATE TABLE uses (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id),
    problem TEXT NOT NULL,
    question INTEGER NOT NULL REFERENCES questions (id),
    agent TEXT,
    fresh INTEGER NOT NULL,
    UNIQUE (run, problem, question)
);

-- The final result of a strategy on a problem, as JSON encoded like a text.
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id),
    problem TEXT NOT NULL,
    codec INTEGER NOT NULL,
    size INTEGER NOT NULL,
    data BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (run, problem)
);
