#!/usr/bin/env python3
"""Writes torch/*.pth beside this file: small files as torch.save writes them, in the ways that are met outside.

Needs Debian's python3-torch; run: python3 make_torch_files.py [OUT_DIR]
expected.safetensors holds the same numbers, contiguous and as float32: `<file>/<tensor>`.
"""
import collections, io, json, struct, sys, zipfile
from pathlib import Path
import numpy as np, torch

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / 'torch')
OUT.mkdir(parents=True, exist_ok=True)
expected = {}

def write(name, saved, tensors, **how):
    torch.save(saved, OUT / f'{name}.pth', **how)
    for key, value in tensors.items(): expected[f'{name}/{key}'] = value

def save_expected():
    header, blobs, at = {}, [], 0
    for key, value in expected.items():
        a = np.ascontiguousarray(value.detach().to(torch.float32).numpy())
        header[key] = {'dtype': 'F32', 'shape': list(value.shape), 'data_offsets': [at, at + a.nbytes]}
        blobs.append(a.tobytes()); at += a.nbytes
    text = json.dumps(header).encode(); text += b' ' * (-len(text) % 8)
    (OUT / 'expected.safetensors').write_bytes(struct.pack('<Q', len(text)) + text + b''.join(blobs))

torch.manual_seed(6)
net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Flatten(), torch.nn.Linear(12, 2))
state = net.state_dict()  # with num_batches_tracked (int64) and _metadata
write('zip', state, state)
write('legacy', state, state, _use_new_zipfile_serialization=False)
for protocol in (3, 4): write(f'protocol{protocol}', state, state, pickle_protocol=protocol)

everything = {
    'float64': torch.randn(3, dtype=torch.float64) * 1e3, 'int64': torch.tensor([-1, 0, 2 ** 40]),
    'int32': torch.tensor([[-7, 9]], dtype=torch.int32), 'uint8': torch.tensor([0, 255], dtype=torch.uint8), 'bool': torch.tensor([True, False, True]),
    'float16': torch.tensor([1.5, -65504, 6e-8, 2 ** -14, float('inf'), 0.1]).half(), 'bfloat16': torch.tensor([1.5, -3e38, 1e-40, 0.1, float('-inf')]).bfloat16(),
    'scalar': torch.tensor(2.5), 'empty': torch.zeros(0, 4)}
write('dtypes', everything, everything)
write('dtypes_legacy', everything, everything, _use_new_zipfile_serialization=False)

base = torch.arange(120, dtype=torch.float32)
views = {'transposed': base[:24].reshape(4, 6).t(), 'strided': base[1:100:7], 'inner': base.reshape(5, 4, 6)[1:4, 1:3, 2:5], 'channels_last': base.reshape(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
         'whole': base, 'again': base, 'one': base.reshape(1, 120, 1)[:, 5:6].transpose(0, 2)}
write('views', views, views)
write('views_legacy', views, views, _use_new_zipfile_serialization=False)

parallel = collections.OrderedDict((f'module.{key}', value) for key, value in state.items())
checkpoint = {'epoch': 7, 'arch': 'small', 'best': 0.75, 'done': False, 'none': None, 'raw': b'\x00\xffbytes', 'big': 2 ** 80, 'list': [1, (2, 3)], 'size': torch.Size([1, 2]),
              'state_dict': parallel, 'optimizer': torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9).state_dict()}
write('checkpoint', checkpoint, parallel)
write('parameters', {key: value for key, value in net.named_parameters()}, dict(net.named_parameters()))
torch.save(net, OUT / 'module.pth')
torch.save({'args': __import__('argparse').Namespace(lr=0.1), 'state_dict': state}, OUT / 'namespace.pth')
torch.jit.save(torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 2))), OUT / 'torchscript.pt')

# The members deflated, as a zip that went through another program is.
with zipfile.ZipFile(OUT / 'zip.pth') as old, zipfile.ZipFile(OUT / 'deflated.pth', 'w', zipfile.ZIP_DEFLATED) as new:
    for name in old.namelist(): new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
for key, value in state.items(): expected[f'deflated/{key}'] = value
save_expected()
