#!/bin/sh
# Measures Densor on this machine's GPU and CPU beside PyTorch: sh run.sh [--minutes 8] [--out densor-gpu.json] [--tiny]
# Needs no network, no installation and no root: all is unpacked into a temporary folder, which is removed.
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
cp "$here/busybox" "$folder/busybox" && chmod +x "$folder/busybox" || exit 1
for name in node files; do
  "$folder/busybox" xz -dc "$here/$name.tar.xz" | "$folder/busybox" tar -x -C "$folder" || exit 1
done

# Libraries that this machine has are used; the others are those of the bundle.
known=$( (ldconfig -p || /sbin/ldconfig -p) 2>/dev/null)
mkdir "$folder/missing"
for file in "$folder"/lib/*; do
  name=$(basename "$file")
  own=$(echo "$known" | sed -n "s|^[[:space:]]*$name .*x86-64.* => ||p" | head -n 1)
  # Dawn requires the libstdc++ of GCC 12.
  [ "$name" = libstdc++.so.6 ] && [ -n "$own" ] && ! grep -q GLIBCXX_3.4.30 "$own" && own=
  [ -n "$own" ] || ln -s "$file" "$folder/missing/$name"
done
echo "libraries of the bundle: $(ls "$folder/missing" | tr '\n' ' ')"
LD_LIBRARY_PATH=$folder/missing${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
[ -d /usr/local/nvidia/lib64 ] && LD_LIBRARY_PATH=$LD_LIBRARY_PATH:/usr/local/nvidia/lib64
export LD_LIBRARY_PATH

# The driver's description; if it is not installed, one for the driver's library.
if [ -z "${VK_DRIVER_FILES:-}" ]; then
  for file in /usr/share/vulkan/icd.d/nvidia*.json /etc/vulkan/icd.d/nvidia*.json \
    /usr/local/nvidia/share/vulkan/icd.d/nvidia*.json /usr/local/share/vulkan/icd.d/nvidia*.json; do
    [ -f "$file" ] && VK_DRIVER_FILES=$file && break
  done
fi
if [ -z "${VK_DRIVER_FILES:-}" ]; then
  for library in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    echo "$known" | grep -q "$library" || [ -f "/usr/local/nvidia/lib64/$library" ] || continue
    VK_DRIVER_FILES=$folder/nvidia_icd.json
    echo '{"file_format_version":"1.0.0","ICD":{"library_path":"'$library'","api_version":"1.3.0"}}' > "$VK_DRIVER_FILES"
    break
  done
fi
[ -n "${VK_DRIVER_FILES:-}" ] && export VK_DRIVER_FILES && echo "Vulkan driver: $VK_DRIVER_FILES"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/tmp}"

"$folder/node" "$folder/dist/bench/gpu/main.js" "$@"
