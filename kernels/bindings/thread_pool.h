// A pool whose jobs are executed in order, each by all threads. Independent of JavaScript.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace densor {

class ThreadPool {
public:
  // Called by every thread with its index.
  using Work = std::function<void(uint32_t thread)>;
  // Called by the last thread that finishes a job.
  using Done = std::function<void()>;

  explicit ThreadPool(uint32_t threads) {
    for (uint32_t i = 0; i < threads; i++) workers.emplace_back([this, i] { serve(i); });
  }

  // Finishes all submitted jobs, then joins the threads.
  ~ThreadPool() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    for (std::thread &worker : workers) worker.join();
  }

  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  uint32_t size() const { return static_cast<uint32_t>(workers.size()); }

  void submit(Work work, Done done) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      jobs.push_back({std::move(work), std::move(done), size()});
    }
    changed.notify_all();
  }

private:
  struct Job {
    Work work;
    Done done;
    uint32_t remaining; // threads that have not finished it
  };

  // Each thread executes every job once, in order. `first` is the number of the oldest job in the queue.
  void serve(uint32_t thread) {
    std::unique_lock<std::mutex> lock(mutex);
    for (size_t next = 0;; next++) {
      changed.wait(lock, [&] { return stopping || next < first + jobs.size(); });
      if (next >= first + jobs.size()) return;
      Job &job = jobs[next - first]; // References to elements of a deque stay valid when its ends change.
      lock.unlock();
      job.work(thread);
      lock.lock();
      if (--job.remaining > 0) continue;
      const Done done = std::move(job.done);
      jobs.pop_front(); // This job is the oldest, because every thread finishes jobs in order.
      first++;
      lock.unlock();
      done();
      lock.lock();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;
  size_t first = 0;
  bool stopping = false;
  std::vector<std::thread> workers;
};

}  // namespace densor
