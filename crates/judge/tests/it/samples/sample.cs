using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
class Program {
    static int Main() {
        var words = Console.In.ReadToEnd().Split(new char[] {' ', '\n'}, StringSplitOptions.RemoveEmptyEntries);
        switch (words[0]) {
            case "sum":
                Console.WriteLine(words.Skip(1).Select(long.Parse).Sum() + " é");
                return 0;
            case "exit": return 3;
            case "throw": throw new InvalidOperationException("no");
            case "spin": for (;;);
            case "hog":
                for (var all = new List<byte[]>();;) {
                    var block = new byte[1 << 20];
                    for (int i = 0; i < block.Length; i++) block[i] = 1;
                    all.Add(block);
                }
            default:
                var total = new int[2];
                var threads = new[] { new Thread(() => total[0] = 1), new Thread(() => total[1] = 2) };
                foreach (var thread in threads) thread.Start();
                foreach (var thread in threads) thread.Join();
                Console.WriteLine(total.Sum());
                return 0;
        }
    }
}
