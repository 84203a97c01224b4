import sys


def main():
    numbers = list(map(int, sys.stdin.read().split()))
    n = numbers[0]
    bookings = [(numbers[2 * i + 2], numbers[2 * i + 1]) for i in range(n)]
    free_from = -1
    accepted = 0
    for end, start in sorted(bookings):
        if start >= free_from:
            accepted += 1
            free_from = end
    print(accepted)


main()
