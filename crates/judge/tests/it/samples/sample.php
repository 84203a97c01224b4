<?php
$words = preg_split('/\s+/', trim(stream_get_contents(STDIN)));
switch ($words[0]) {
    case 'sum': echo array_sum(array_slice($words, 1)), " é\n"; break;
    case 'exit': exit(3);
    case 'throw': throw new Exception('no');
    case 'spin': for (;;);
    case 'hog': for ($all = [];;) $all[] = str_repeat('x', 1 << 20);
    default: echo "3\n";
}
