// What tests of the network need: real listeners on loopback that remember who came, and a name server whose answers follow
// from what a test says, which may change from one question to the next.
import dgram from 'node:dgram';
import net from 'node:net';

export interface TestListener extends AsyncDisposable {
  readonly port: number;
  readonly host: string;
  /** Connections taken so far. */
  readonly came: number;
}

/** Echoes what it gets. `port`: where a test wants the same one on two addresses. */
export async function listener(host = '127.0.0.1', port = 0): Promise<TestListener> {
  let came = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    came++;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen({ host, port }, resolve);
  });
  return {
    host,
    port: (server.address() as net.AddressInfo).port,
    get came() {
      return came;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

type Answers = Readonly<Record<string, readonly (readonly string[])[]>>;

export interface NameServer extends AsyncDisposable {
  /** For the machine's option `dns`. */
  readonly address: string;
  /** Questions for addresses of IPv4, in order. */
  readonly asked: readonly string[];
}

/** Each answer of a name is given once, and the last for ever: IPv4 addresses to a question for them, the others to one for IPv6. */
export async function nameServer(answers: Answers): Promise<NameServer> {
  const asked: string[] = [];
  const given = new Map<string, number>();
  const socket = dgram.createSocket('udp4');
  socket.on('message', (question, from) => {
    const { name, type, end } = read(question);
    if (type === A) asked.push(name);
    const key = `${name} ${type}`;
    const turn = given.get(key) ?? 0;
    given.set(key, turn + 1);
    const all = answers[name];
    const addresses = (all?.[Math.min(turn, all.length - 1)] ?? []).filter((one) => net.isIPv6(one) === (type === AAAA));
    socket.send(answer(question.subarray(0, end), all !== undefined, addresses.map(rdata), type), from.port, from.address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        socket.close(() => resolve());
      }),
  };
}

const A = 1;
const AAAA = 28;

/** RFC 1035: a header of 12 bytes, the labels of the name, type and class. */
function read(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at++]!; length > 0; length = message[at++]!) {
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at), end: at + 4 };
}

function answer(question: Buffer, known: boolean, data: readonly Buffer[], type: number): Buffer {
  const header = Buffer.from(question);
  header.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(data.length, 6);
  header.writeUInt16BE(0, 8);
  header.writeUInt16BE(0, 10);
  const records = data.flatMap((bytes) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt16BE(bytes.length, 10);
    return [record, bytes];
  });
  return Buffer.concat([header, ...records]);
}

/** An address as a record has it. IPv6 is written in full: groups without `::`, or an IPv4 address at its end. */
function rdata(address: string): Buffer {
  if (net.isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const { hostname } = new URL(`http://[${address}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return Buffer.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]));
}
