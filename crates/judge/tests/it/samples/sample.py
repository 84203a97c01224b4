import sys, threading
words = sys.stdin.read().split()
if words[0] == "sum":
    print(sum(map(int, words[1:])), "é")
elif words[0] == "exit":
    sys.exit(3)
elif words[0] == "throw":
    raise ValueError("no")
elif words[0] == "spin":
    while True: pass
elif words[0] == "hog":
    x = []
    while True: x.append(bytearray(b'x' * (1 << 20)))
else:
    total = [0]
    def add(n): total[0] += n
    threads = [threading.Thread(target=add, args=(n,)) for n in (1, 2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(total[0])
