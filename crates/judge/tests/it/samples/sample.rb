words = STDIN.read.split
case words[0]
when 'sum' then puts "#{words.drop(1).map(&:to_i).sum} é"
when 'exit' then exit 3
when 'throw' then raise 'no'
when 'spin' then loop {}
when 'hog'
  all = []
  loop { all << 'x' * (1 << 20) }
else
  puts [1, 2].map { |n| Thread.new { n } }.map(&:value).sum
end
