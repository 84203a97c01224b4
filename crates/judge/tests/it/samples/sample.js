const { Worker } = require('worker_threads');
const words = require('fs').readFileSync(0, 'utf8').split(/\s+/).filter(word => word);
if (words[0] === 'sum') console.log(words.slice(1).map(Number).reduce((a, b) => a + b, 0) + ' é');
else if (words[0] === 'exit') process.exit(3);
else if (words[0] === 'throw') throw new Error('no');
else if (words[0] === 'spin') for (;;);
else if (words[0] === 'hog') for (const all = [];;) all.push(new Array(1 << 17).fill(all.length + 0.5));
else {
    const code = "const { parentPort, workerData } = require('worker_threads'); parentPort.postMessage(workerData);";
    let total = 0, left = 2;
    for (const n of [1, 2]) {
        new Worker(code, { eval: true, workerData: n }).on('message', (value) => {
            total += value;
            if (--left === 0) console.log(total);
        });
    }
}
