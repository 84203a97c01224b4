// Stands before a checker: gives it the three texts of a test, which come together on standard input, as files to open.
// There are no such files: the checker may run where nothing can be written.
// What it calls `main` is called by the real one, which stands at the end.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *judge_texts[3];
static size_t judge_lengths[3];
static const char *const judge_names[3] = {"input", "output", "answer"};

static FILE *judge_open(const char *name) {
    for (int i = 0; i < 3; i++)
        if (strcmp(name, judge_names[i]) == 0)
            return fmemopen(judge_texts[i], judge_lengths[i], "rb");
    return NULL;
}

extern "C" FILE *fopen(const char *name, const char *) { return judge_open(name); }
extern "C" FILE *fopen64(const char *name, const char *) { return judge_open(name); }

static int judge_run(int (*checker)(int, char **)) {
    if (scanf("%zu %zu %zu", &judge_lengths[0], &judge_lengths[1], &judge_lengths[2]) != 3 || getchar() != '\n') return 3;
    for (int i = 0; i < 3; i++) {
        judge_texts[i] = (char *)malloc(judge_lengths[i] + 1);
        if (!judge_texts[i] || fread(judge_texts[i], 1, judge_lengths[i], stdin) != judge_lengths[i]) return 3;
    }
    char arguments[4][8] = {"checker", "input", "output", "answer"};
    char *argv[] = {arguments[0], arguments[1], arguments[2], arguments[3], NULL};
    return checker(4, argv);
}

#define main judge_checker
