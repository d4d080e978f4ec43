// In the browser's audio thread: sound at the device's rate becomes blocks of 4,096 samples at 16 kHz, 16-bit.

const RATE_HZ = 16_000;
const BLOCK = 4096;
const PASS_HZ = 7_200;
const CROSSINGS = 8; // of zero, that the low-pass has on each side
const PHASES = 256; // of it that are tabled between two samples of the device

/** Resamples with a sinc windowed by a Hann window, which keeps what lies above 8 kHz out. */
class PcmBlocks extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE_HZ;
    this.reach = Math.ceil((CROSSINGS * sampleRate) / (2 * PASS_HZ));
    this.table = Float32Array.from({length: this.reach * PHASES + 1}, (_, i) => lowPass(i / PHASES, this.reach));
    this.held = new Float32Array(2 * this.reach + 128);
    this.at = this.held.length - this.reach; // where the next sample lies in what is held
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
  }

  process([channels]) {
    if (!channels.length) return true;
    const n = channels[0].length;
    this.held.copyWithin(0, n);
    const fresh = this.held.subarray(this.held.length - n);
    for (let i = 0; i < n; i++) fresh[i] = channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length;
    this.at -= n;
    for (; this.at + this.reach < this.held.length; this.at += this.step) this.push(this.sampleAt(this.at));
    return true;
  }

  sampleAt(place) {
    let sum = 0;
    for (let i = Math.ceil(place - this.reach); i <= place + this.reach; i++) {
      sum += this.held[i] * this.table[Math.round(Math.abs(i - place) * PHASES)];
    }
    return sum;
  }

  push(sample) {
    this.block[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
    if (this.filled < BLOCK) return;
    this.port.postMessage(this.block.buffer, [this.block.buffer]);
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
  }
}

/** The low-pass at `i` samples of the device from its middle. */
function lowPass(i, reach) {
  const x = (2 * PASS_HZ * i) / sampleRate;
  const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
  return ((2 * PASS_HZ) / sampleRate) * sinc * (0.5 + 0.5 * Math.cos((Math.PI * i) / reach));
}

registerProcessor("pcm-blocks", PcmBlocks);
