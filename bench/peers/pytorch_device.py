"""PyTorch's training steps on a GPU or CPU, as the contender of bench/gpu.

Arguments: cuda or cpu, the number of threads. Answers the first line of input with its version and device. Then it
reads lines of JSON, each {"case": {"model", "size", "batch"},
"variant": {"tf32", "amp", "channelsLast", "graph", "upload", "measureMs"}}; answers each with a line of JSON: the time
of a step, averaged over as many steps as fit into measureMs, or {"cannot": reason}. The first line of a variant builds it and
warms it up. A new case frees the variants of the one before.
"""
import json
import resource
import sys
import time

MOST_STEPS = 50
WARM_UP = 3
device, threads = sys.argv[1], int(sys.argv[2])


class Variant:
    def __init__(self, case, wanted):
        self.wanted = wanted
        self.channels, build = MODELS[case["model"]]
        self.layout = torch.channels_last if wanted.get("channelsLast") else torch.contiguous_format
        self.net = build().to(device).to(memory_format=self.layout)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01)
        images = torch.rand(case["batch"], self.channels, case["size"], case["size"])
        self.host = images.to(memory_format=self.layout)
        if wanted.get("upload"):
            self.host = self.host.pin_memory()
        self.images = self.host.to(device).to(memory_format=self.layout)
        self.labels = (torch.arange(case["batch"]) % 10).to(device)
        self.set_modes()
        for _ in range(WARM_UP):
            self.step()
        self.go = self.capture() if wanted.get("graph") else self.step
        self.count = 1
        seconds = self.seconds_of_step()
        self.count = max(1, min(MOST_STEPS, round(wanted["measureMs"] / 1000 / seconds)))

    def set_modes(self):
        if device == "cuda":
            tf32 = bool(self.wanted.get("tf32"))
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
            torch.backends.cudnn.benchmark = True

    def step(self):
        if self.wanted.get("upload"):
            self.images.copy_(self.host, non_blocking=True)
        self.optimizer.zero_grad(set_to_none=True)
        # The cache of casts must not outlive a captured step.
        with torch.autocast(device, torch.bfloat16, enabled=bool(self.wanted.get("amp")), cache_enabled=False):
            self.loss = nn.functional.cross_entropy(self.net(self.images), self.labels)
        self.loss.backward()
        self.optimizer.step()

    def capture(self):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay

    def seconds_of_step(self):
        synchronize()
        start = time.perf_counter()
        for _ in range(self.count):
            self.go()
        synchronize()
        return (time.perf_counter() - start) / self.count

    def measure(self):
        self.set_modes()
        seconds = self.seconds_of_step()
        return {"ms": 1000 * seconds, "steps": self.count, "loss": self.loss.item()}


def synchronize():
    if device == "cuda":
        torch.cuda.synchronize()


def memory():
    if device == "cuda":
        return {"peakDeviceBytes": torch.cuda.max_memory_allocated()}
    return {"peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def free():
    variants.clear()
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def answer(request):
    global current
    case, wanted = request["case"], request["variant"]
    if case != current:
        free()
        current = case
    key = json.dumps(wanted, sort_keys=True)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        if key not in variants:
            variants[key] = Variant(case, wanted)
        return {**variants[key].measure(), **memory()}
    except Exception as error:
        variants.pop(key, None)
        gc.collect()
        raise error


def say(content):
    print(json.dumps(content), flush=True)


sys.stdin.readline()
try:
    import gc

    import torch
    from torch import nn

    from pytorch_models import densenet121, resnet18
    from pytorch_network import notes

    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} has no CUDA device")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    MODELS = {"notes": (1, lambda: notes(1, 10)), "densenet121": (3, densenet121), "resnet18": (3, resnet18)}
    variants, current = {}, None
    say({"version": torch.__version__, "threads": threads,
         "device": torch.cuda.get_device_name() if device == "cuda" else "cpu"})
except Exception as error:
    say({"cannot": f"{type(error).__name__}: {error}"})
    sys.exit()

for line in sys.stdin:
    try:
        say(answer(json.loads(line)))
    except Exception as error:  # A variant that fails must not end the others.
        say({"cannot": f"{type(error).__name__}: {error}"})
