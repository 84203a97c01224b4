// What a checker needs of testlib's interface, for checkers that the judge compiles.
//
// Written from the behaviour of testlib 0.9.44, not from its source text. Checkers only: no generators, validators or
// interactors. `rnd` gives other numbers than testlib's, and always the same ones.

#ifndef JUDGE_TESTLIB_H
#define JUDGE_TESTLIB_H

#include <algorithm>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#define TESTLIB_VERSION "judge"

enum TResult {
    _ok = 0,
    _wa = 1,
    _pe = 2,
    _fail = 3,
    _dirt = 4,
    _points = 5,
    _unexpected_eof = 8,
    _partially = 16
};
#define _pc(exitCode) (TResult(_partially + (exitCode)))

enum TMode { _input, _output, _answer };

#ifdef __GNUC__
#define JUDGE_FORMAT(string, first) __attribute__((format(printf, string, first)))
#else
#define JUDGE_FORMAT(string, first)
#endif

// Text.

inline std::string judge_vformat(const char *format, va_list arguments) {
    va_list copy;
    va_copy(copy, arguments);
    int length = std::vsnprintf(nullptr, 0, format, copy);
    va_end(copy);
    if (length < 0) return format;
    std::string text(size_t(length) + 1, '\0');
    std::vsnprintf(&text[0], text.size(), format, arguments);
    text.resize(size_t(length));
    return text;
}

JUDGE_FORMAT(1, 2)
inline std::string format(const char *fmt, ...) {
    va_list arguments;
    va_start(arguments, fmt);
    std::string text = judge_vformat(fmt, arguments);
    va_end(arguments);
    return text;
}

inline bool isBlanks(int c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; }
inline bool isEoln(int c) { return c == '\n' || c == '\r'; }
inline bool isEof(int c) { return c == EOF; }

inline std::string compress(const std::string &s) {
    return s.size() <= 64 ? s : s.substr(0, 30) + "..." + s.substr(s.size() - 31);
}
inline std::string __testlib_part(const std::string &s) { return compress(s); }

inline std::string trim(const std::string &s) {
    size_t from = 0, to = s.size();
    while (from < to && isBlanks((unsigned char)s[from])) from++;
    while (to > from && isBlanks((unsigned char)s[to - 1])) to--;
    return s.substr(from, to - from);
}

inline std::string upperCase(std::string s) {
    for (char &c : s)
        if ('a' <= c && c <= 'z') c = char(c - 'a' + 'A');
    return s;
}

inline std::string lowerCase(std::string s) {
    for (char &c : s)
        if ('A' <= c && c <= 'Z') c = char(c - 'A' + 'a');
    return s;
}

inline std::string englishEnding(int n) {
    n = std::abs(n) % 100;
    if (n / 10 == 1) return "th";
    switch (n % 10) {
        case 1: return "st";
        case 2: return "nd";
        case 3: return "rd";
        default: return "th";
    }
}

template <typename T>
std::string vtos(const T &value) {
    std::ostringstream text;
    text << value;
    return text.str();
}
template <typename T>
std::string toString(const T &value) { return vtos(value); }

template <typename Iterator, typename Separator>
std::string join(Iterator first, Iterator last, Separator separator) {
    std::ostringstream text;
    for (bool later = false; first != last; ++first, later = true) {
        if (later) text << separator;
        text << *first;
    }
    return text.str();
}
template <typename Iterator>
std::string join(Iterator first, Iterator last) { return join(first, last, ' '); }
template <typename Collection, typename Separator>
std::string join(const Collection &items, Separator separator) { return join(items.begin(), items.end(), separator); }
template <typename Collection>
std::string join(const Collection &items) { return join(items, ' '); }

inline std::vector<std::string> split(const std::string &s, char separator) {
    std::vector<std::string> parts(1);
    for (char c : s) {
        if (c == separator) parts.emplace_back();
        else parts.back() += c;
    }
    return parts;
}
inline std::vector<std::string> tokenize(const std::string &s, char separator) {
    std::vector<std::string> parts;
    for (const std::string &part : split(s, separator))
        if (!part.empty()) parts.push_back(part);
    return parts;
}

// Numbers.

inline bool __testlib_isNaN(double value) { return value != value; }
inline bool __testlib_isInfinite(double value) { return value > 1e300 || value < -1e300; }

inline bool doubleCompare(double expected, double found, double error) {
    error += 1e-15;
    if (__testlib_isNaN(expected)) return __testlib_isNaN(found);
    if (__testlib_isInfinite(expected)) return __testlib_isInfinite(found) && (expected > 0) == (found > 0);
    if (__testlib_isNaN(found) || __testlib_isInfinite(found)) return false;
    if (std::fabs(found - expected) <= error) return true;
    double one = expected * (1.0 - error), two = expected * (1.0 + error);
    return found >= std::min(one, two) && found <= std::max(one, two);
}

inline double doubleDelta(double expected, double found) {
    double absolute = std::fabs(found - expected);
    return std::fabs(expected) > 1e-9 ? std::min(absolute, std::fabs(absolute / expected)) : absolute;
}

// Patterns: characters, `\` before special ones, `[...]`, `(...|...)`, and `?`, `*`, `+`, `{n}`, `{n,}`, `{n,m}` behind them.

class pattern {
public:
    explicit pattern(std::string source) : source(std::move(source)) {}

    bool matches(const std::string &text) const {
        return choice(0, source.size(), text, 0, [&](size_t end) { return end == text.size(); });
    }

    std::string src() const { return source; }

private:
    typedef std::function<bool(size_t)> Then;
    std::string source;

    // Calls `found` with each part between bars that stand in no bracket.
    bool choice(size_t from, size_t to, const std::string &text, size_t at, const Then &then) const {
        size_t start = from;
        for (size_t here = from; here < to; here = after_atom(here, to))
            if (source[here] == '|') {
                if (sequence(start, here, text, at, then)) return true;
                start = here + 1;
            }
        return sequence(start, to, text, at, then);
    }

    bool sequence(size_t from, size_t to, const std::string &text, size_t at, const Then &then) const {
        if (from >= to) return then(at);
        size_t atom_end = after_atom(from, to), next = atom_end, least = 1, most = 1;
        if (next < to) {
            switch (source[next]) {
                case '?': least = 0; next++; break;
                case '*': least = 0; most = SIZE_MAX; next++; break;
                case '+': most = SIZE_MAX; next++; break;
                case '{': bounds(next, to, least, most); break;
                default: break;
            }
        }
        return repeat(from, atom_end, least, most, text, at, [&](size_t end) { return sequence(next, to, text, end, then); });
    }

    bool repeat(size_t from, size_t to, size_t least, size_t most, const std::string &text, size_t at, const Then &then) const {
        bool is_group = source[from] == '(';
        if (!is_group) {
            // One character each: as many as there are, and then fewer.
            size_t n = 0;
            while (n < most && at + n < text.size() && fits(from, to, text[at + n])) n++;
            for (;; n--) {
                if (n < least) return false;
                if (then(at + n)) return true;
                if (n == 0) return false;
            }
        }
        if (most > 0 && choice(from + 1, to - 1, text, at, [&](size_t end) {
                return (end > at || least > 0) && repeat(from, to, least > 0 ? least - 1 : 0, most == SIZE_MAX ? most : most - 1, text, end, then);
            }))
            return true;
        return least == 0 && then(at);
    }

    bool fits(size_t from, size_t to, char c) const {
        if (source[from] == '\\') return source[from + 1] == c;
        if (source[from] != '[') return source[from] == c;
        size_t here = from + 1, end = to - 1;
        bool inverse = here < end && source[here] == '^', found = false;
        if (inverse) here++;
        while (here < end) {
            if (source[here] == '\\' && here + 1 < end) here++;
            char low = source[here++], high = low;
            if (here + 1 < end && source[here] == '-') {
                high = source[here + 1];
                here += 2;
            }
            found = found || (low <= c && c <= high);
        }
        return found != inverse;
    }

    size_t after_atom(size_t at, size_t to) const {
        switch (source[at]) {
            case '\\': return std::min(at + 2, to);
            case '[':
                for (at++; at < to && source[at] != ']'; at++)
                    if (source[at] == '\\') at++;
                return std::min(at + 1, to);
            case '(': {
                at++;
                while (at < to && source[at] != ')') at = after_atom(at, to);
                return std::min(at + 1, to);
            }
            default: return at + 1;
        }
    }

    void bounds(size_t &at, size_t to, size_t &least, size_t &most) const {
        at++;
        least = number(at, to);
        most = least;
        if (at < to && source[at] == ',') {
            at++;
            most = at < to && source[at] == '}' ? SIZE_MAX : number(at, to);
        }
        at = std::min(at + 1, to);
    }

    size_t number(size_t &at, size_t to) const {
        size_t value = 0;
        while (at < to && '0' <= source[at] && source[at] <= '9') value = value * 10 + size_t(source[at++] - '0');
        return value;
    }
};
typedef pattern pattern_t;

// Streams.

class InStream {
public:
    std::string name;
    TMode mode = _input;
    bool strict = false;

    void open(const char *path, TMode new_mode) {
        name = path;
        mode = new_mode;
        std::FILE *file = std::fopen(path, "rb");
        if (!file) quit(_fail, "a text of the test is not there");
        char buffer[1 << 16];
        for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
        std::fclose(file);
        if (mode == _output && text.compare(0, 3, "\xef\xbb\xbf") == 0) at = 3;
    }

    bool eof() { return at >= text.size(); }
    bool seekEof() {
        skipBlanks();
        return eof();
    }
    bool eoln() {
        if (eof()) return true;
        if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') at++;
        if (text[at] != '\n') return false;
        at++;
        return true;
    }
    bool seekEoln() {
        while (!eof() && (text[at] == ' ' || text[at] == '\t')) at++;
        return eoln();
    }

    char curChar() { return eof() ? char(EOF) : text[at]; }
    char nextChar() { return eof() ? char(EOF) : text[at++]; }
    char readChar() { return nextChar(); }
    char readChar(char expected) {
        char found = nextChar();
        if (found != expected) quitf(_pe, "expected the character '%c', found '%c'", expected, found);
        return found;
    }
    char readSpace() { return readChar(' '); }
    void skipChar() { nextChar(); }
    void unreadChar(char) {
        if (at > 0) at--;
    }
    void skipBlanks() {
        while (!eof() && isBlanks((unsigned char)text[at])) at++;
    }
    void reset() { at = 0; }

    void readWordTo(std::string &word) {
        if (seekEof()) quit(_unexpected_eof, "Unexpected end of file - token expected");
        size_t start = at;
        while (!eof() && !isBlanks((unsigned char)text[at])) at++;
        word.assign(text, start, at - start);
    }
    std::string readWord() {
        std::string word;
        readWordTo(word);
        return word;
    }
    std::string readWord(const pattern &form, const std::string &variable = "") {
        std::string word = readWord();
        if (!form.matches(word))
            quitf(_wa, "%s \"%s\" does not match \"%s\"", named("Token", variable).c_str(), compress(word).c_str(), form.src().c_str());
        return word;
    }
    std::string readWord(const std::string &form, const std::string &variable = "") { return readWord(pattern(form), variable); }
    void readTokenTo(std::string &word) { readWordTo(word); }
    std::string readToken() { return readWord(); }
    std::string readToken(const pattern &form, const std::string &variable = "") { return readWord(form, variable); }
    std::string readToken(const std::string &form, const std::string &variable = "") { return readWord(form, variable); }

    void readLineTo(std::string &line) {
        line.clear();
        for (; !eof() && text[at] != '\n'; at++) {
            if (text[at] == '\r') {
                if (at + 1 < text.size() && text[at + 1] == '\n') break;
                // Only the byte after it is kept.
                at++;
                line += eof() ? char(EOF) : text[at];
                continue;
            }
            line += text[at];
        }
        eoln();
    }
    std::string readLine() {
        std::string line;
        readLineTo(line);
        return line;
    }
    std::string readLine(const pattern &form, const std::string &variable = "") {
        std::string line = readLine();
        if (!form.matches(line))
            quitf(_wa, "%s \"%s\" does not match \"%s\"", named("Line", variable).c_str(), compress(line).c_str(), form.src().c_str());
        return line;
    }
    std::string readLine(const std::string &form, const std::string &variable = "") { return readLine(pattern(form), variable); }
    void readStringTo(std::string &line) { readLineTo(line); }
    std::string readString() { return readLine(); }
    std::string readString(const pattern &form, const std::string &variable = "") { return readLine(form, variable); }
    std::string readString(const std::string &form, const std::string &variable = "") { return readLine(form, variable); }
    void nextLine() { readLine(); }
    void readEoln() {
        if (!eoln()) quit(_pe, "Expected EOLN");
    }
    void readEof() {
        if (!eof()) quit(_pe, "Expected EOF");
    }

    long long readLong() {
        if (seekEof()) quit(_unexpected_eof, "Unexpected end of file - int64 expected");
        return longOf(readWord());
    }
    long long longOf(const std::string &word) {
        bool minus = word[0] == '-';
        unsigned long long size;
        if (!digits(word.substr(minus), size) || (minus && size == 0) || size > (unsigned long long)LLONG_MAX + minus)
            quitf(_pe, "Expected int64, but \"%s\" found", compress(word).c_str());
        return minus ? (long long)(0ULL - size) : (long long)size;
    }
    long long readLong(long long low, long long high, const std::string &variable = "") { return ranged(readLong(), low, high, variable); }
    unsigned long long readUnsignedLong() {
        if (seekEof()) quit(_unexpected_eof, "Unexpected end of file - int64 expected");
        std::string word = readWord();
        unsigned long long value;
        if (!digits(word, value)) quitf(_pe, "Expected unsigned int64, but \"%s\" found", compress(word).c_str());
        return value;
    }
    unsigned long long readUnsignedLong(unsigned long long low, unsigned long long high, const std::string &variable = "") { return ranged(readUnsignedLong(), low, high, variable); }
    int readInt() {
        if (seekEof()) quit(_unexpected_eof, "Unexpected end of file - int32 expected");
        long long value = readLong();
        if (value < INT_MIN || value > INT_MAX) quitf(_pe, "Expected int32, but \"%lld\" found", value);
        return int(value);
    }
    int readInt(int low, int high, const std::string &variable = "") { return ranged(readInt(), low, high, variable); }
    int readInteger() { return readInt(); }
    int readInteger(int low, int high, const std::string &variable = "") { return readInt(low, high, variable); }
    double readDouble() {
        if (seekEof()) quit(_unexpected_eof, "Unexpected end of file - double expected");
        return doubleOf(readWord());
    }
    double doubleOf(const std::string &word) {
        double value;
        if (!number(word, value)) quitf(_pe, "Expected double, but \"%s\" found", compress(word).c_str());
        return value;
    }
    double readDouble(double low, double high, const std::string &variable = "") { return ranged(readDouble(), low, high, variable); }
    double readReal() { return readDouble(); }
    double readReal(double low, double high, const std::string &variable = "") { return readDouble(low, high, variable); }
    double readStrictDouble(double low, double high, int fewest, int most, const std::string &variable = "") {
        if (seekEof()) quit(_unexpected_eof, "Unexpected end of file - strict double expected");
        std::string word = readWord();
        size_t point = std::min(word.find('.'), word.size());
        int places = point < word.size() ? int(word.size() - point) - 1 : 0;
        unsigned long long whole;
        bool minus = word[0] == '-', plain = digits(word.substr(minus, point - minus), whole) && places >= fewest && places <= most;
        for (size_t i = point + 1; i < word.size(); i++) plain = plain && '0' <= word[i] && word[i] <= '9';
        double value;
        if (!plain || word.back() == '.' || !number(word, value) || (minus && value >= 0))
            quitf(_pe, "Expected strict double, but \"%s\" found", compress(word).c_str());
        return ranged(value, low, high, variable);
    }
    double readStrictReal(double low, double high, int fewest, int most, const std::string &variable = "") { return readStrictDouble(low, high, fewest, most, variable); }

    std::vector<int> readInts(int n, int low = INT_MIN, int high = INT_MAX, const std::string &variable = "", int = 1) {
        return many<int>(n, [&] { return readInt(low, high, variable); });
    }
    std::vector<int> readIntegers(int n, int low = INT_MIN, int high = INT_MAX, const std::string &variable = "", int = 1) { return readInts(n, low, high, variable); }
    std::vector<long long> readLongs(int n, long long low = LLONG_MIN, long long high = LLONG_MAX, const std::string &variable = "", int = 1) {
        return many<long long>(n, [&] { return readLong(low, high, variable); });
    }
    std::vector<double> readDoubles(int n, double low = -DBL_MAX, double high = DBL_MAX, const std::string &variable = "", int = 1) {
        return many<double>(n, [&] { return readDouble(low, high, variable); });
    }
    std::vector<double> readReals(int n, double low = -DBL_MAX, double high = DBL_MAX, const std::string &variable = "", int = 1) { return readDoubles(n, low, high, variable); }
    std::vector<std::string> readWords(int n, int = 1) {
        return many<std::string>(n, [&] { return readWord(); });
    }
    std::vector<std::string> readTokens(int n, int = 1) { return readWords(n); }
    std::vector<std::string> readLines(int n, int = 1) {
        return many<std::string>(n, [&] { return readLine(); });
    }
    std::vector<std::string> readStrings(int n, int = 1) { return readLines(n); }

    // Ends the checker. What is wrong with anything but the output is the test's fault.
    [[noreturn]] void quit(TResult result, const char *message) {
        if (mode != _output && result != _fail) {
            std::string longer = std::string(message) + (mode == _input ? " (input)" : " (answer)");
            finish(_fail, longer.c_str());
        }
        finish(result, message);
    }
    [[noreturn]] void quit(TResult result, const std::string &message) { quit(result, message.c_str()); }
    [[noreturn]] void quits(TResult result, const std::string &message) { quit(result, message.c_str()); }
    [[noreturn]] JUDGE_FORMAT(3, 4) void quitf(TResult result, const char *fmt, ...) {
        va_list arguments;
        va_start(arguments, fmt);
        quit(result, judge_vformat(fmt, arguments).c_str());
    }
    JUDGE_FORMAT(4, 5) void quitif(bool condition, TResult result, const char *fmt, ...) {
        if (!condition) return;
        va_list arguments;
        va_start(arguments, fmt);
        quit(result, judge_vformat(fmt, arguments).c_str());
    }

private:
    std::string text;
    size_t at = 0;

    [[noreturn]] static void finish(TResult result, const char *message);

    static std::string named(const char *what, const std::string &variable) { return variable.empty() ? what : std::string(what) + " [name=" + variable + "]"; }

    template <typename T>
    T ranged(T value, T low, T high, const std::string &variable) {
        if (value < low || value > high)
            quit(_wa, named("Value", variable) + " equals to " + vtos(value) + ", violates the range [" + vtos(low) + ", " + vtos(high) + "]");
        return value;
    }

    template <typename T, typename Read>
    std::vector<T> many(int n, Read read) {
        if (n < 0) quit(_fail, "a size is negative");
        std::vector<T> values;
        for (int i = 0; i < n; i++) values.push_back(read());
        return values;
    }

    // Decimal digits without a leading zero.
    static bool digits(const std::string &word, unsigned long long &value) {
        value = 0;
        if (word.empty() || word.size() > 20 || (word.size() > 1 && word[0] == '0')) return false;
        for (char c : word) {
            if (c < '0' || c > '9' || value > (ULLONG_MAX - unsigned(c - '0')) / 10) return false;
            value = value * 10 + unsigned(c - '0');
        }
        return true;
    }

    // The usual or the exponent notation; an exponent without digits is passed over.
    static bool number(const std::string &word, double &value) {
        size_t i = 0, n_digits = 0, n = word.size();
        auto skip_digits = [&] {
            size_t start = i;
            while (i < n && '0' <= word[i] && word[i] <= '9') i++;
            return i - start;
        };
        auto skip_sign = [&] { i += i < n && (word[i] == '-' || word[i] == '+'); };
        skip_sign();
        n_digits += skip_digits();
        if (i < n && word[i] == '.') {
            i++;
            n_digits += skip_digits();
        }
        size_t mantissa = i;
        if (n_digits > 0 && i < n && (word[i] == 'e' || word[i] == 'E')) {
            i++;
            skip_sign();
            if (skip_digits() > 0) mantissa = i;
        }
        if (n_digits == 0 || i != n) return false;
        value = std::strtod(word.substr(0, mantissa).c_str(), nullptr);
        return true;
    }
};

static InStream inf, ouf, ans;

[[noreturn]] inline void InStream::finish(TResult result, const char *message) {
    if (result == _ok || result == _points || result >= _partially) {
        if (!ouf.seekEof()) {
            result = _dirt;
            message = "Extra information in the output file";
        }
    }
    static const char *const titles[] = {"ok", "wrong answer", "wrong output format", "FAIL", "wrong output format", "points"};
    static const int codes[] = {0, 1, 2, 3, 2, 7};
    int at = result <= _points ? int(result) : result == _unexpected_eof ? int(_pe) : int(_points);
    std::fprintf(stderr, "%s %s\n", titles[at], message);
    std::fflush(stderr);
    std::_Exit(codes[at]);
}

// The checker.

inline long long stringToLongLong(InStream &in, const std::string &word) { return in.longOf(word); }
inline double stringToDouble(InStream &in, const std::string &word) { return in.doubleOf(word); }

inline void setName(const char *, ...) {}

inline void registerTestlibCmd(int argc, char *argv[]) {
    if (argc < 4) ouf.quit(_fail, "the checker is run without its three files");
    ouf.mode = _output;
    inf.open(argv[1], _input);
    ouf.open(argv[2], _output);
    ans.open(argv[3], _answer);
}

[[noreturn]] inline void quit(TResult result, const char *message) {
    ouf.mode = _output;
    ouf.quit(result, message);
}
[[noreturn]] inline void quit(TResult result, const std::string &message) { quit(result, message.c_str()); }
[[noreturn]] JUDGE_FORMAT(2, 3) inline void quitf(TResult result, const char *fmt, ...) {
    va_list arguments;
    va_start(arguments, fmt);
    quit(result, judge_vformat(fmt, arguments).c_str());
}
JUDGE_FORMAT(3, 4) inline void quitif(bool condition, TResult result, const char *fmt, ...) {
    if (!condition) return;
    va_list arguments;
    va_start(arguments, fmt);
    quit(result, judge_vformat(fmt, arguments).c_str());
}
template <typename... Rest>
[[noreturn]] void quitp(double points, Rest...) { quit(_points, vtos(points)); }
template <typename Info>
[[noreturn]] void quitpi(const Info &info, const std::string & = "") { quit(_points, vtos(info)); }

#define ensure(condition) \
    do { \
        if (!(condition)) quit(_fail, "Condition failed: \"" #condition "\""); \
    } while (0)
JUDGE_FORMAT(2, 3) inline void ensuref(bool condition, const char *fmt, ...) {
    if (condition) return;
    va_list arguments;
    va_start(arguments, fmt);
    quit(_fail, judge_vformat(fmt, arguments).c_str());
}

// Random numbers, always the same.

class random_t {
public:
    uint64_t state = 0x9e3779b97f4a7c15ULL;
    void setSeed(long long seed) { state = uint64_t(seed); }
    uint64_t bits() {
        uint64_t z = state += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    long long next(long long below) { return below > 0 ? (long long)(bits() % uint64_t(below)) : 0; }
    int next(int below) { return int(next((long long)below)); }
    long long next(long long low, long long high) { return low + (long long)(bits() % (uint64_t(high - low) + 1)); }
    int next(int low, int high) { return int(next((long long)low, (long long)high)); }
    double next() { return double(bits() >> 11) / 9007199254740992.0; }
};
static random_t rnd;

template <typename Iterator>
void shuffle(Iterator first, Iterator last) {
    for (long long n = last - first; n > 1; n--) std::iter_swap(first + (n - 1), first + rnd.next(n));
}

#endif
