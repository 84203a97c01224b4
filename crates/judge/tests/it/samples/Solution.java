import java.util.*;
interface Adder { int add(); }
public class Solution {
    public static void main(String[] arguments) throws Exception {
        Scanner in = new Scanner(System.in);
        switch (in.next()) {
            case "sum":
                long sum = 0;
                while (in.hasNextLong()) sum += in.nextLong();
                System.out.println(sum + " é");
                break;
            case "exit": System.exit(3);
            case "throw": throw new IllegalStateException("no");
            case "spin": for (;;);
            case "hog": for (List<byte[]> all = new ArrayList<>();;) all.add(new byte[1 << 20]);
            default:
                int[] total = new int[2];
                Thread first = new Thread(() -> total[0] = 1);
                Thread second = new Thread(() -> total[1] = 2);
                first.start();
                second.start();
                first.join();
                second.join();
                System.out.println(total[0] + total[1]);
        }
    }
}
