#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int total[2];
static void *add(void *n) { total[(long)n - 1] = (long)n; return 0; }
int main(void) {
    char word[16];
    if (scanf("%15s", word) != 1) return 1;
    if (!strcmp(word, "sum")) {
        long long sum = 0, n;
        while (scanf("%lld", &n) == 1) sum += n;
        printf("%lld é\n", sum);
    } else if (!strcmp(word, "exit")) return 3;
    else if (!strcmp(word, "throw")) abort();
    else if (!strcmp(word, "spin")) for (volatile int i = 0;; i++);
    else if (!strcmp(word, "hog")) for (;;) memset(malloc(1 << 20), 1, 1 << 20);
    else {
        pthread_t threads[2];
        for (long i = 0; i < 2; i++) pthread_create(&threads[i], 0, add, (void *)(i + 1));
        for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
        printf("%d\n", total[0] + total[1]);
    }
}
