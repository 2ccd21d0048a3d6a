# shellcheck shell=sh
# `words_of NAMESPACE DEPLOYMENT MOST` asks the API, by `api PATH`, for what is told of the pods of a
# Deployment, MOST of them at most, and of what they have said: warnings, each as JSON, and logs.
words_of() {
  path=/api/v1/namespaces/$1
  for pod in $(api "$path/pods" | grep -o "\"metadata\":{\"name\":\"$2-[^\"]*\"" |
    cut -d '"' -f 6 | head -n "$3"); do
    echo "pod $pod"
    api "$path/events?fieldSelector=involvedObject.name=$pod,type=Warning&limit=50" | grep -o \
      '"reason":"[A-Za-z]*","message":"\([^"\\]\|\\.\)*","source":{[^}]*},"firstTimestamp":[^,]*,"lastTimestamp":\("[^"]*"\|null\)' |
      cut -b -2000 | tail -n 10 | sed 's/.*/event {&}/'
    bounded tail api "$path/pods/$pod/log?tailLines=20&limitBytes=32768" | sed 's/^/log /'
  done
}
