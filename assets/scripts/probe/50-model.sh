# Probes of model folders.

# One model folder: what the index promises, and what lies on the disk.
model_one() {
  local dir=$1 index=$1/model.safetensors.index.json config=$1/config.json
  printf '@model %s\n' "$dir"
  [ -d "$dir" ] || { echo "absent"; return 0; }
  [ -d "$dir/._____temp" ] && echo "downloading"
  if [ -f "$config" ] && [ "$(stat -L -c %s "$config")" -lt 262144 ]; then
    echo "config $(tr -d '\n\r' <"$config")"
  fi
  [ -f "$dir/quant_model_description.json" ] && echo "quantised"
  if [ -f "$index" ]; then
    echo "total_size $(grep -aoE '"total_size"[^0-9]*[0-9]+' "$index" | grep -oE '[0-9]+$' | head -n 1)"
    grep -aoE '"[^"]+\.safetensors"' "$index" | sort -u | head -n 2000 | tr -d '"' | sed 's/^/shard /'
  fi
  (cd "$dir" && stat -L -c 'file %s %n' -- *.safetensors *.json *.jinja *.model *.py *.txt 2>/dev/null)
  return 0
}

p_model() {
  if [ -n "$MODEL" ]; then model_one "$MODEL"; fi
  return 0
}

# Content of the small files, so that two nodes can be compared without reading the weights.
p_modelsum() {
  [ -n "$MODEL" ] && cd "$MODEL" 2>/dev/null || return 0
  local file
  for file in config.json generation_config.json tokenizer_config.json chat_template.jinja \
    model.safetensors.index.json tokenizer.json; do
    [ -f "$file" ] && [ "$(stat -L -c %s "$file")" -lt 67108864 ] && sha256sum -- "$file"
  done
  return 0
}

# Other models: under the data folder, and on other large local disks. What is found until the
# time is up is told; a disk too large to be searched is no failure.
p_models() {
  local roots dir count=0
  roots=$(
    [ -d "$MOUNT" ] && echo "$MOUNT"
    # 300 GB hold no unquantised model of this size, but a quantised one.
    soon df -Pkl 2>/dev/null | awk -v own="$MOUNT" \
      'NR > 1 && $2 > 300000000 && $6 !~ "^/(boot|usr|etc|dev|run|sys|proc|var/lib/docker)?($|/)" &&
       $6 != own && index(own "/", $6 "/") != 1 { print $6 }' | head -n 8
  )
  mapfile -t roots <<<"$roots"
  [ -n "${roots[0]}" ] || return 0
  soon find -L "${roots[@]}" -xdev -maxdepth 6 \( -name overlay2 -o -name containers -o -name .git \
    -o -name proc -o -name lost+found -o -name '._____temp' -o -name glm47-tui \) -prune \
    -o -type f -name config.json -print 2>/dev/null |
    while IFS= read -r dir; do
      dir=${dir%/config.json}
      [ "$dir" = "$MODEL" ] && continue
      # Blobs of a hub cache are found through their snapshot folder.
      [ -f "$dir/model.safetensors.index.json" ] || [ -f "$dir/model.safetensors" ] || continue
      model_one "$dir"
      count=$((count + 1))
      [ "$count" -ge 20 ] && break
    done
  return 0
}
