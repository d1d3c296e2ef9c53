/** A process of many that write to a store in a directory at once: `node store-writer.ts ROOT absent|count NAME`. It prints how often it won. */
import { openStore } from '../../src/store/index.ts';

const [root = '', action = '', name = ''] = process.argv.slice(2);
const store = await openStore({ kind: 'local', root });
let won = 0;
if (action === 'absent') {
  for (let race = 0; race < 10; race++) {
    if ((await store.write(`race/${race}`, Buffer.from(`${name} ${race}`), 'absent')) !== undefined) won++;
  }
} else {
  while (won < 10) {
    const current = await store.current('counter');
    if (current === undefined) throw new Error('no counter');
    const count = Number(Buffer.from(await store.read(current, 100)));
    // The name makes the bytes this writer's own: the same bytes would be taken for its own write.
    if ((await store.write('counter', Buffer.from(`${count + 1}${' '.repeat(Number(name))}`), { tag: current.tag })) !== undefined) won++;
  }
}
process.stdout.write(String(won));
