"""What a user would write instead: paho, the same interpreter, the same model, one JSON a reading.

`python tests/bench/rival_loop.py PORT BUNDLE SENSOR_FOLDER SECONDS`. It has no journal, no gate, no
calibration: each window is the last samples as they are, which is cheaper than what the agent does.
"""

import json
import sys
import time
from collections import deque
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import paho.mqtt.client as paho
from ai_edge_litert.interpreter import Interpreter


def main(port: int, bundle: str, sensor: Path, every_s: float) -> None:
    interpreter = Interpreter(model_content=ZipFile(bundle).read("model.tflite"), num_threads=1)
    interpreter.allocate_tensors()
    entry, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    width = int(entry["shape"][-1])
    past: deque[float] = deque([0.0] * width, width)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "rival-loop")
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    number, due = 0, time.monotonic()
    while True:
        number += 1
        values = [
            int((sensor / name).read_text()) / 1000 for name in ("in_temp_input", "in_humidityrelative_input")
        ]
        past.extend(values)
        interpreter.set_tensor(entry["index"], np.array([past], np.float32))
        interpreter.invoke()
        score = float(np.abs(interpreter.get_tensor(answer["index"])).max())
        record = {
            "n": number,
            "t": time.time(),
            "temperature": values[0],
            "humidity": values[1],
            "score": score,
        }
        client.publish("rival/loop", json.dumps(record), qos=1)
        due += every_s
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
