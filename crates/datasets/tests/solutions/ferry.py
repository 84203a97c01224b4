def main():
    n, trips, limit = map(int, input().split())
    weights = list(map(int, input().split()))
    # best[kept] is the smallest (trips, load of the last trip) that carries `kept` of the cars seen so far.
    best = [None] * (n + 1)
    best[0] = (0, limit)
    for weight in weights:
        if weight > limit:
            continue
        for kept in range(n - 1, -1, -1):
            if best[kept] is None:
                continue
            used, load = best[kept]
            state = (used, load + weight) if load + weight <= limit else (used + 1, weight)
            if best[kept + 1] is None or state < best[kept + 1]:
                best[kept + 1] = state
    print(max(kept for kept in range(n + 1) if best[kept] is not None and best[kept][0] <= trips))


main()
