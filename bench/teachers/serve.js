import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('server.js', import.meta.url));

/** The process of `server.js`. */
export class TeacherServer {
  /** @param {number} latency milliseconds from a request to its answer */
  static async start(latency) {
    const child = fork(SERVER, [String(latency)]);
    const [{ url }] = await once(child, 'message');
    return new TeacherServer(child, url);
  }

  constructor(child, url) {
    this.child = child;
    this.url = url;
  }

  /**
   * What it saw since the last call; times in ms of its own clock, `latency` the mean from request to answer.
   * @returns {Promise<{requests: number, mostUnderWay: number, first: number, last: number, latency: number, cpuSeconds: number}>}
   */
  async take() {
    this.child.send('take');
    return (await once(this.child, 'message'))[0];
  }

  async stop() {
    this.child.disconnect();
    await once(this.child, 'exit');
  }
}

/**
 * Answers a second from a server without latency to the cheapest client there is: sockets that send the same bytes again
 * as soon as an answer is in.
 *
 * @param {TeacherServer} server
 */
export async function capacity(server, connections, requests) {
  const { hostname, port } = new URL(server.url);
  const body = JSON.stringify({ model: 'oracle', messages: [{ role: 'user', content: 'x'.repeat(600) }] });
  const bytes = Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  let left = requests;
  const work = async () => {
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    while (left-- > 0) {
      socket.write(bytes);
      // The body is the only part that ends with a bracket.
      for (let end = 0; end !== 125; ) end = (await once(socket, 'data'))[0].at(-1);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, work));
  const { first, last } = await server.take();
  return requests / ((last - first) / 1000);
}
