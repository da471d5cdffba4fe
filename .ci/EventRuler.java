import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.JsonRuleCompiler;

/** Prints for each pattern of a folder and each event of another whether it matches. */
public class EventRuler {
    public static void main(String[] folders) throws Exception {
        for (Path pattern : files(folders[0])) {
            String rule = Files.readString(pattern);
            String problem = JsonRuleCompiler.check(rule);
            if (problem != null) {
                throw new IllegalArgumentException(pattern + ": " + problem);
            }
            Machine machine = Machine.builder().build();
            machine.addRule("rule", rule);
            for (Path event : files(folders[1])) {
                boolean matches = !machine.rulesForJSONEvent(Files.readString(event)).isEmpty();
                System.out.println(pattern.getFileName() + " " + event.getFileName() + " " + matches);
            }
        }
    }

    private static List<Path> files(String folder) throws IOException {
        try (Stream<Path> all = Files.list(Path.of(folder))) {
            return all.filter(file -> file.toString().endsWith(".json")).sorted().toList();
        }
    }
}
