"""Writes a safetensors file (https://github.com/huggingface/safetensors): a JSON header, then the data. For the generators."""
import json, struct
from pathlib import Path
import numpy as np

DATA = Path(__file__).parent.parent / 'data'
DTYPES = {'float32': 'F32', 'float64': 'F64', 'int64': 'I64', 'uint8': 'U8'}

def save(path, tensors, meta=None):
    """Tensors are NumPy's or PyTorch's."""
    header, blobs, at = {'__metadata__': meta} if meta else {}, [], 0
    for key, value in tensors.items():
        a = np.ascontiguousarray(value.detach().numpy() if hasattr(value, 'detach') else value)
        header[key] = {'dtype': DTYPES[str(a.dtype)], 'shape': list(value.shape), 'data_offsets': [at, at + a.nbytes]}
        blobs.append(a.tobytes()); at += a.nbytes
    text = json.dumps(header).encode(); text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(blobs))
    print(path.stem, at, 'bytes')
