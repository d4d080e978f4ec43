// One listening: the microphone, the server's answers to it, and where in the song we are.

import {socketAddress} from "./api.js";
import {openMicrophone} from "./microphone.js";

const RATE_HZ = 16_000;
const DEAF_S = 3; // of digital silence, after which a switched-off microphone is assumed

/**
 * Hears until `stop` is called. What happens is told to `tell(event)`, an object with a `type`:
 * "hearing" {analyser}, "heard" {seconds}, "silent", and what the server says: "answer", "now", "lost", "error",
 * and "closed" {clean}, after which nothing comes.
 */
export class Hearing {
  constructor(tell) {
    this.tell = tell;
    this.samples = 0;
    this.loud = false;
    this.stopped = false;
  }

  /** Throws NoMicrophone. */
  async start() {
    this.microphone = await openMicrophone((block) => this.send(block));
    if (this.stopped) return this.microphone.close();
    this.socket = new WebSocket(socketAddress("live"));
    this.socket.addEventListener("message", (event) => this.receive(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => this.close(event.wasClean));
    this.tell({type: "hearing", analyser: this.microphone.analyser});
  }

  /** Seconds of sound heard so far, to the moment. */
  get seconds() {
    const since_s = this.blockAt ? Math.min((performance.now() - this.blockAt) / 1000, 0.5) : 0;
    return this.samples / RATE_HZ + since_s;
  }

  send(block) {
    if (this.stopped || this.socket?.readyState !== WebSocket.OPEN) return;
    this.loud ||= block.some((sample) => sample !== 0);
    this.socket.send(block.buffer);
    this.samples += block.length;
    this.blockAt = performance.now();
    this.tell({type: "heard", seconds: this.samples / RATE_HZ});
    if (!this.loud && this.samples > DEAF_S * RATE_HZ) this.tell({type: "silent"});
  }

  receive(message) {
    if (!this.stopped) this.tell(message);
  }

  close(clean) {
    if (this.stopped) return;
    this.stop();
    this.tell({type: "closed", clean});
  }

  stop() {
    if (this.stopped) return;
    this.stopped = true;
    this.microphone?.close();
    this.socket?.close();
  }
}
