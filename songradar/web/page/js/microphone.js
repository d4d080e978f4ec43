// The microphone: blocks of 16 kHz sound for the server, and a spectrum for the eye.

/** Why there is no sound: `reason` is "insecure", "refused", "missing" or "busy". */
export class NoMicrophone extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

const REASONS = {NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "missing", OverconstrainedError: "missing"};

/** Begin to hear; `onBlock` gets Int16Arrays of 4,096 samples. Gives {analyser, close}. Throws NoMicrophone. */
export async function openMicrophone(onBlock) {
  if (!navigator.mediaDevices || !window.AudioWorkletNode) throw new NoMicrophone("insecure");
  const stream = await open();
  const context = new AudioContext();
  try {
    await context.audioWorklet.addModule(new URL("pcm-worklet.js", import.meta.url));
    await context.resume();
    const source = context.createMediaStreamSource(stream);
    const analyser = new AnalyserNode(context, {fftSize: 2048, smoothingTimeConstant: 0.3, minDecibels: -90, maxDecibels: -15});
    const blocks = new AudioWorkletNode(context, "pcm-blocks", {numberOfOutputs: 1});
    blocks.port.onmessage = (event) => onBlock(new Int16Array(event.data));
    source.connect(analyser);
    source.connect(blocks);
    // Browsers run only what leads to the loudspeaker. The worklet sends silence there.
    blocks.connect(context.destination);
    return {analyser, close: () => close(stream, context)};
  } catch (error) {
    close(stream, context);
    throw error;
  }
}

/** What browsers do for speech would take the music away, so it is switched off. */
async function open() {
  const audio = {channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false};
  try {
    return await navigator.mediaDevices.getUserMedia({audio});
  } catch (error) {
    throw new NoMicrophone(REASONS[error.name] ?? "busy");
  }
}

function close(stream, context) {
  for (const track of stream.getTracks()) track.stop();
  context.close();
}
