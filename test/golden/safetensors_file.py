"""Writes a safetensors file (https://github.com/huggingface/safetensors): a JSON header, then the data. For the generators."""
import json, struct
import numpy as np

DTYPES = {'float32': 'F32', 'float64': 'F64', 'int64': 'I64'}

def save(path, tensors, meta):
    header, blobs, at = {'__metadata__': meta}, [], 0
    for key, value in tensors.items():
        a = np.ascontiguousarray(value)
        header[key] = {'dtype': DTYPES[str(a.dtype)], 'shape': list(a.shape), 'data_offsets': [at, at + a.nbytes]}
        blobs.append(a.tobytes()); at += a.nbytes
    text = json.dumps(header).encode(); text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(blobs))
    print(path.stem, at, 'bytes')
