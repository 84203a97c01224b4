import kotlin.concurrent.thread
import kotlin.system.exitProcess
fun main() {
    val words = generateSequence(::readLine).joinToString(" ").split(" ").filter { it.isNotEmpty() }
    when (words[0]) {
        "sum" -> println("${words.drop(1).map { it.toLong() }.sum()} é")
        "exit" -> exitProcess(3)
        "throw" -> throw IllegalStateException("no")
        "spin" -> while (true) {}
        "hog" -> { val all = mutableListOf<ByteArray>(); while (true) all.add(ByteArray(1 shl 20)) }
        else -> {
            val total = IntArray(2)
            val threads = (0..1).map { idx -> thread { total[idx] = idx + 1 } }
            threads.forEach { it.join() }
            println(total.sum())
        }
    }
}
